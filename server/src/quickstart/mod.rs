//! `cordon-server quickstart`: one folder, two sample tenants, an attack to look at.
//!
//! Everything goes the way that a provider's operator would take: over the wire, with an
//! operator's profile. Only the first operator's credential is made by the process itself.

mod machines;
pub mod sample;
mod setup;
mod tour;

use std::path::Path;

use anyhow::Context as _;
use cordon_client::{Client, Profile, Reason};
use cordon_kernel::Env;
use tokio_util::sync::CancellationToken;

use crate::app::{App, announce, first_operator};
use crate::config::{Config, private_folder};
use crate::transport;

/// Sets up what is missing, then serves until `stop`; with `exit_when_ready` stops as soon as
/// everything is ready.
///
/// # Errors
/// When something can't be set up or served; what was done until then stays, and a second start
/// goes on from there.
pub async fn run(
    mut config: Config,
    env: Env,
    stop: CancellationToken,
    exit_when_ready: bool,
) -> anyhow::Result<()> {
    machines::reach(&mut config);
    config.validate()?;
    config.prepare(&env)?;
    let data_dir = config.data_dir.clone();
    machines::lay_out(&data_dir)?;
    let profiles = data_dir.join("profiles");
    private_folder(&profiles)?;
    let app = App::open(config.clone(), env.clone(), true).await?;
    let bound = transport::bind(&config.listen).await?;
    let endpoint = format!("https://{}", bound.address());
    let operator = operator(&app, &profiles, &endpoint).await?;
    move_profiles(&profiles, &endpoint)?;

    let address = bound.address();
    let serving = tokio::spawn(app.serve(bound, stop.clone()));
    let ready = async {
        let client = connect(operator).await?;
        setup::tenants(&client, &profiles, &endpoint).await?;
        setup::sample(&client, &data_dir, &env).await?;
        Ok::<_, anyhow::Error>(())
    };
    let ready = tokio::select! {
        ready = ready => ready,
        () = stop.cancelled() => Ok(()),
    };
    if let Err(error) = ready {
        stop.cancel();
        let _ = serving.await;
        return Err(error);
    }
    tour::print(&data_dir);
    announce(address);
    if exit_when_ready {
        stop.cancel();
    }
    serving.await.context("serving ended early")?
}

/// The operator's profile; at the first start its credential is made.
async fn operator(app: &App, profiles: &Path, endpoint: &str) -> anyhow::Result<Profile> {
    let path = profiles.join("operator.toml");
    if path.exists() {
        let mut profile = Profile::load(&path)?;
        profile.endpoints = vec![endpoint.to_owned()];
        return Ok(profile);
    }
    first_operator(app.kernel(), "operator", &[endpoint.to_owned()], &path)
        .await?
        .with_context(|| {
            format!(
                "this folder has an operator, but not its profile {}: bring it back, or begin with another --data-dir",
                path.display()
            )
        })
}

/// Writes the present address into all profiles: the port may be another one at each start.
fn move_profiles(profiles: &Path, endpoint: &str) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(profiles)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let mut profile = Profile::load(&path)?;
            if profile.endpoints != [endpoint] {
                profile.endpoints = vec![endpoint.to_owned()];
                profile.save(&path)?;
            }
        }
    }
    Ok(())
}

/// Connects as soon as the server answers.
async fn connect(profile: Profile) -> anyhow::Result<Client> {
    let mut last = None;
    for _ in 0..50 {
        match Client::builder().profile(profile.clone()).connect().await {
            Ok(client) => return Ok(client),
            Err(error) if error.reason() == Reason::Unavailable => last = Some(error),
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Err(last.map_or_else(
        || anyhow::anyhow!("the server did not start"),
        anyhow::Error::new,
    ))
}
