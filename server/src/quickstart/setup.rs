//! What quickstart sets up, as an operator would: each step can be done again.

use std::path::Path;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use cordon_client::identity::NewKey;
use cordon_client::ingest::{Batch, Cut};
use cordon_client::{Client, FactFilter, Holder, Profile, Reason, Resource, Tenant};
use cordon_kernel::Env;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::sample::{self, RANGES, SERVICES, SOURCES, TENANTS};

/// Roles of which each sample tenant has one member.
const ROLES: [&str; 2] = ["reader", "responder"];

/// Passes over what is there already.
fn made<T>(result: cordon_client::Result<T>) -> anyhow::Result<()> {
    match result {
        Ok(_) => Ok(()),
        Err(error) if error.reason() == Reason::AlreadyExists => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Registers the sample's tenants, sources and ranges, and writes the members' profiles.
pub(super) async fn tenants(
    client: &Client,
    profiles: &Path,
    endpoint: &str,
) -> anyhow::Result<()> {
    let admin = client.tenants();
    for range in RANGES {
        made(admin.create_range(range).await).with_context(|| format!("range {range}"))?;
    }
    for (id, name, kind) in SOURCES {
        made(admin.create_source(id, kind, name).await).with_context(|| format!("source {id}"))?;
    }
    for tenant in &TENANTS {
        register(client, tenant)
            .await
            .with_context(|| format!("tenant {}", tenant.id))?;
        for role in ROLES {
            let path = profiles.join(format!("{}-{role}.toml", tenant.id));
            if !path.exists() {
                issue(client, profiles, endpoint, tenant.id, role)
                    .await
                    .with_context(|| format!("credential of {}'s {role}", tenant.id))?
                    .save(&path)?;
            }
        }
    }
    let catalogue = client.catalogue();
    for used in &SERVICES {
        let made_now = catalogue.create_service(used.tenant, used.id, used.service());
        made(made_now.await).with_context(|| format!("service {} of {}", used.id, used.tenant))?;
    }
    facts(client).await
}

/// Publishes what of the sample's facts there is not yet, by title.
async fn facts(client: &Client) -> anyhow::Result<()> {
    let all = FactFilter {
        ended: true,
        ..FactFilter::default()
    };
    let there: Vec<_> = client.facts().list(all).try_collect().await?;
    for new in sample::facts() {
        if !there.iter().any(|fact| fact.title == new.title) {
            let title = new.title.clone();
            let made = client.facts().create(new).await;
            made.with_context(|| format!("the fact {title:?}"))?;
        }
    }
    Ok(())
}

async fn register(client: &Client, tenant: &sample::Tenant) -> anyhow::Result<()> {
    let admin = client.tenants();
    let wanted = Tenant {
        display_name: tenant.display_name.into(),
        ..Tenant::default()
    };
    made(admin.create_tenant(tenant.id, wanted).await)?;
    for account in tenant.accounts {
        made(admin.create_account(tenant.id, account, None, None).await)?;
    }
    let addresses = tenant.addresses.iter().map(|address| Resource {
        kind: "address".into(),
        identifier: (*address).into(),
        ..Resource::default()
    });
    let instances = tenant.machines.iter().map(|machine| Resource {
        kind: "instance".into(),
        identifier: machine.instance.into(),
        ..Resource::default()
    });
    let resources: Vec<Resource> = addresses.chain(instances).collect();
    made(admin.import_resources(tenant.id, &resources).await)
}

async fn issue(
    client: &Client,
    profiles: &Path,
    endpoint: &str,
    tenant: &str,
    role: &str,
) -> anyhow::Result<Profile> {
    let subject = format!("{tenant}-{role}");
    let new = NewKey::generate(&subject)?;
    let holder = Holder::Tenant(tenant.into());
    let issued = client
        .tenants()
        .issue_credential(&holder, &subject, role, &new.request_pem)
        .await?;
    let operator = Profile::load(profiles.join("operator.toml"))?;
    Ok(Profile {
        endpoints: vec![endpoint.to_owned()],
        server_name: operator.server_name,
        tenant: Some(tenant.into()),
        source: None,
        role: role.into(),
        subject,
        ca: issued.ca_pem,
        certificate: issued.certificate_pem,
        key: new.key,
    })
}

/// Sends the sample's events. The story's end is noted before, so that a start that was
/// interrupted goes on with the same one.
pub(super) async fn sample(client: &Client, data_dir: &Path, env: &Env) -> anyhow::Result<()> {
    let note = data_dir.join("sample.time");
    let now: Timestamp = if note.exists() {
        std::fs::read_to_string(&note)?
            .trim()
            .parse()
            .with_context(|| format!("{} holds no time", note.display()))?
    } else {
        let now = env.now();
        std::fs::write(&note, now.to_string())?;
        now
    };
    let batches = sample::batches(now);
    for (source, _, kind) in SOURCES {
        let cut = Cut::new(format!("sources/{source}"), kind);
        let of_source: Vec<_> = batches
            .iter()
            .filter(|batch| batch.source == source)
            .map(to_send)
            .map(Ok)
            .collect();
        let mut outcomes = client.ingest().send(&cut, stream::iter(of_source));
        while let Some(outcome) = outcomes.next().await {
            let outcome = outcome?;
            if let Some(refusal) = outcome.refused {
                bail!(
                    "the sample's batch {} was refused: {}",
                    outcome.batch_id,
                    refusal.message
                );
            }
        }
        client
            .ingest()
            .report_watermark(&format!("sources/{source}"), now)
            .await?;
    }
    Ok(())
}

fn to_send(batch: &sample::Batch) -> Batch {
    let records = batch
        .records
        .iter()
        .map(|record| Bytes::copy_from_slice(record.as_bytes()))
        .collect();
    let mut send = Batch::new(batch.id.clone(), records);
    send.context = batch.context.into();
    send
}
