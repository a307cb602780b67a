//! `cordon whoami` and `cordon renew`.

use cordon_client::identity::WhoAmIResponse;
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::Outcome;
use crate::output::Row;
use crate::show::{or_null, time, time_json};

struct Caller(WhoAmIResponse);

impl Row for Caller {
    const HEAD: &'static [&'static str] = &[
        "subject",
        "role",
        "tenant",
        "source",
        "credential",
        "certificate ends",
        "may call",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.0.subject.clone(),
            self.0.role.clone(),
            self.0.tenant.clone(),
            self.0.source.clone(),
            self.0.credential.clone(),
            time(self.0.credential_expire_time.as_ref()),
            self.0.actions.join(" "),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "credential": self.0.credential,
            "subject": self.0.subject,
            "tenant": or_null(self.0.tenant.clone()),
            "source": or_null(self.0.source.clone()),
            "role": self.0.role,
            "credential_expire_time": time_json(self.0.credential_expire_time.as_ref()),
            "token_expire_time": time_json(self.0.token_expire_time.as_ref()),
            "actions": self.0.actions,
        })
    }
}

pub(crate) async fn run(context: &Context) -> Outcome {
    let client = context.client().await?;
    context
        .output
        .one(&Caller(client.identity().whoami().await?))
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
