//! `cordon whoami` and `cordon renew`.

use cordon_client::identity::WhoAmIResponse;
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::Outcome;
use crate::output::Row;
use crate::show::{or_null, time, time_json};

struct Caller {
    who: WhoAmIResponse,
    /// The endpoint that said so.
    server: String,
}

impl Row for Caller {
    const HEAD: &'static [&'static str] = &[
        "subject",
        "role",
        "tenant",
        "source",
        "credential",
        "certificate ends",
        "server",
        "may call",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.who.subject.clone(),
            self.who.role.clone(),
            self.who.tenant.clone(),
            self.who.source.clone(),
            self.who.credential.clone(),
            time(self.who.credential_expire_time.as_ref()),
            self.server.clone(),
            self.who.actions.join(" "),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "credential": self.who.credential,
            "subject": self.who.subject,
            "tenant": or_null(self.who.tenant.clone()),
            "source": or_null(self.who.source.clone()),
            "role": self.who.role,
            "credential_expire_time": time_json(self.who.credential_expire_time.as_ref()),
            "token_expire_time": time_json(self.who.token_expire_time.as_ref()),
            "server": self.server,
            "actions": self.who.actions,
        })
    }
}

pub(crate) async fn run(context: &Context) -> Outcome {
    let client = context.client().await?;
    let who = client.identity().whoami().await?;
    let server = client.answered_by().unwrap_or_default().to_owned();
    context.output.one(&Caller { who, server })
}

pub(crate) async fn renew(context: &Context) -> Outcome {
    let (path, profile) = context.profile()?;
    // Not by way of the context, which may renew it first.
    let client = cordon_client::Client::builder()
        .profile(profile.clone())
        .connect()
        .await?;
    context.renew(&client, &path, &profile).await
}
