//! Bringing incidents in.

use cordon_proto::incidents::ImportIncidentsRequest;
use cordon_proto::incidents::exchange_service_client::ExchangeServiceClient;
use cordon_proto::incidents::import_result::{Outcome, Violation};
use futures::{Stream, StreamExt as _, stream};
use prost::Message as _;

use super::{ForeignIncident, ImportResult};
use crate::client::{Call, Client, call, configured};
use crate::error::{Error, Reason, Result};
use crate::incidents::Incidents;
use crate::servers::Servers;

/// Most incidents of one call.
pub const MAX_BATCH: usize = 100;
/// Most bytes of one call; the server takes 4 MiB.
const MAX_BYTES: usize = 3 << 20;

/// Something that is to be brought in: an incident, or why it is none.
#[derive(Debug, Clone)]
pub struct Offered {
    /// Where it stands, for people: as in `line 3`.
    pub at: String,
    /// What it is.
    pub incident: Result<ForeignIncident>,
}

/// The method's way to the servers.
struct Room {
    client: Client,
}

impl Room {
    fn rpc(&self) -> ExchangeServiceClient<Servers> {
        configured!(ExchangeServiceClient::new(self.client.servers()))
    }
}

impl Incidents {
    /// Brings incidents into the client's tenant, a hundred with each call, and says of each where
    /// it stood and what became of it, in order. One that can't be taken keeps none of the others
    /// out. Doing it again brings nothing in twice: the second time it is known.
    ///
    /// # Errors
    ///
    /// When a call fails for good; what came before it was done.
    pub fn import<'a>(
        &self,
        offered: impl IntoIterator<Item = Offered, IntoIter: Send + 'a>,
    ) -> impl Stream<Item = Result<(String, ImportResult)>> + Send + 'a {
        let room = Room {
            client: self.client.clone(),
        };
        let batches = Batches {
            offered: offered.into_iter(),
            next: None,
        };
        let parent = self.client.parent();
        stream::unfold((room, batches, parent, false), |state| async move {
            let (room, mut batches, parent, failed) = state;
            if failed {
                return None;
            }
            let batch = batches.next()?;
            let told = match &parent {
                Ok(parent) => room.bring(parent, batch).await,
                Err(error) => vec![Err(error.clone())],
            };
            let failed = told.iter().any(Result::is_err);
            Some((stream::iter(told), (room, batches, parent, failed)))
        })
        .flatten()
    }
}

impl Room {
    async fn bring(
        &self,
        parent: &str,
        batch: Vec<Offered>,
    ) -> Vec<Result<(String, ImportResult)>> {
        let sent = batch
            .iter()
            .filter_map(|offered| offered.incident.clone().ok());
        let incidents: Vec<_> = sent.collect();
        let count = incidents.len();
        let mut results = Vec::new();
        if count > 0 {
            let message = ImportIncidentsRequest {
                parent: parent.to_owned(),
                incidents,
            };
            match call!(self, Call::ENTERING.long(), import_incidents(message)) {
                Ok(answer) => results = answer.results,
                Err(error) => return vec![Err(error)],
            }
        }
        if results.len() != count {
            let message = "the answer is not one for each incident";
            return vec![Err(Error::new(Reason::Internal, message))];
        }
        let mut results = results.into_iter();
        let told = batch.into_iter().map(|offered| {
            let result = match offered.incident {
                Ok(_) => results.next().unwrap_or_default(),
                Err(error) => refused(&error),
            };
            Ok((offered.at, result))
        });
        told.collect()
    }
}

/// One that was not worth sending.
fn refused(error: &Error) -> ImportResult {
    ImportResult {
        external_id: error.metadata("external_id").unwrap_or_default().to_owned(),
        outcome: Outcome::Refused.into(),
        incident: String::new(),
        violations: vec![Violation {
            field: String::new(),
            description: error.message().to_owned(),
        }],
    }
}

/// As many as fit into a call.
struct Batches<I> {
    offered: I,
    next: Option<Offered>,
}

impl<I: Iterator<Item = Offered>> Iterator for Batches<I> {
    type Item = Vec<Offered>;

    fn next(&mut self) -> Option<Vec<Offered>> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < MAX_BATCH {
            let Some(mut offered) = self.next.take().or_else(|| self.offered.next()) else {
                break;
            };
            let size = offered
                .incident
                .as_ref()
                .map_or(0, |one| one.encoded_len() + 8);
            if size > MAX_BYTES {
                offered.incident = offered.incident.and_then(|one| Err(too_large(&one)));
            } else if bytes + size > MAX_BYTES {
                self.next = Some(offered);
                break;
            } else {
                bytes += size;
            }
            batch.push(offered);
        }
        (!batch.is_empty()).then_some(batch)
    }
}

fn too_large(incident: &ForeignIncident) -> Error {
    let message = "it is larger than 3 MiB with its comments";
    Error::new(Reason::TooLarge, message).with_metadata("external_id", &incident.external_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(bytes: usize) -> Offered {
        Offered {
            at: String::new(),
            incident: Ok(ForeignIncident {
                description: "x".repeat(bytes),
                ..ForeignIncident::default()
            }),
        }
    }

    #[test]
    fn calls_are_as_large_as_they_may_be() {
        let sizes = |offered: Vec<Offered>| {
            let batches = Batches {
                offered: offered.into_iter(),
                next: None,
            };
            batches.map(|batch| batch.len()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(vec![]), [0; 0]);
        assert_eq!(
            sizes((0..250).map(|_| offered(10)).collect()),
            [100, 100, 50]
        );
        let large = |_| offered(1 << 20);
        assert_eq!(sizes((0..5).map(large).collect()), [2, 2, 1]);
        // One that fits nowhere is told, and holds nothing up.
        let mut some = vec![offered(10), offered(4 << 20), offered(10)];
        assert_eq!(sizes(some.clone()), [3]);
        let mut batches = Batches {
            offered: some.drain(..),
            next: None,
        };
        let batch = batches.next().unwrap();
        let told: Vec<_> = batch.iter().map(|one| one.incident.is_ok()).collect();
        assert_eq!(told, [true, false, true]);
    }
}
