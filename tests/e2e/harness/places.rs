//! A caller that knows several servers and goes to the next by itself. What the client does about
//! that is left out, so that a test sees each failure.

use std::time::Duration;

use cordon_client::{Client, Profile, RetryPolicy};

use super::server::at;

/// A client that leaves it to its caller to try again.
pub async fn impatient(profile: Profile) -> cordon_client::Result<Client> {
    let never = RetryPolicy {
        patience: Duration::ZERO,
        ..RetryPolicy::default()
    };
    Client::builder()
        .profile(profile)
        .retry(never)
        .connect()
        .await
}

/// One caller's connections, of which it uses one at a time.
pub struct Places {
    profiles: Vec<Profile>,
    clients: Vec<Option<Client>>,
    at: usize,
}

impl Places {
    /// The holder of the profile at these addresses, at the `first` to begin with.
    pub fn new(profile: &Profile, addresses: &[String], first: usize) -> Self {
        let profiles: Vec<Profile> = addresses.iter().map(|to| at(profile, to)).collect();
        Self {
            clients: profiles.iter().map(|_| None).collect(),
            at: first % profiles.len(),
            profiles,
        }
    }

    /// The connection in use.
    pub async fn client(&mut self) -> cordon_client::Result<&Client> {
        let place = &mut self.clients[self.at];
        if place.is_none() {
            *place = Some(impatient(self.profiles[self.at].clone()).await?);
        }
        Ok(place.as_ref().unwrap())
    }

    /// Turns to the next one; `lost` says that this one's connection may be no good any more.
    pub fn turn(&mut self, lost: bool) {
        if lost {
            self.clients[self.at] = None;
        }
        self.at = (self.at + 1) % self.profiles.len();
    }
}
