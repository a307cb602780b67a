//! What incidents have to do with.

use cordon_proto::incidents::links_service_client::LinksServiceClient;
use cordon_proto::incidents::{CreateLinkRequest, DeleteLinkRequest, ListLinksRequest};

use super::{Incidents, Link, pages, present, too_many};
use crate::client::{Call, Client, call, configured};
use crate::error::Result;
use crate::paging::{PAGE_SIZE, Paged};
use crate::servers::Servers;

/// Calls of `LinksService`.
#[derive(Clone)]
struct Links {
    client: Client,
}

impl Links {
    fn rpc(&self) -> LinksServiceClient<Servers> {
        configured!(LinksServiceClient::new(self.client.servers()))
    }
}

impl Incidents {
    fn link_calls(&self) -> Links {
        Links {
            client: self.client.clone(),
        }
    }

    /// Links an incident to something of the same tenant: an event, by its full name.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none, `PERMISSION_DENIED` when the caller may not read it.
    pub async fn link(&self, name: &str, resource: &str, reason: &str) -> Result<Link> {
        let message = CreateLinkRequest {
            parent: self.name(name)?,
            link: Some(Link {
                resource: resource.to_owned(),
                reason: reason.to_owned(),
                ..Link::default()
            }),
        };
        let links = self.link_calls();
        // Linked twice is linked once.
        present(call!(links, Call::ENTERING, create_link(message))?.link)
    }

    /// Takes a link away again. Takes its full name.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn unlink(&self, name: &str) -> Result<()> {
        let message = DeleteLinkRequest {
            name: name.to_owned(),
        };
        let links = self.link_calls();
        let once = Call {
            enters: true,
            ..Call::ONCE
        };
        call!(links, once, delete_link(message)).map(drop)
    }

    /// An incident's links, oldest first.
    #[must_use]
    pub fn links(&self, name: &str) -> Paged<Link> {
        let request = self.name(name).map(|parent| ListLinksRequest {
            parent,
            ..ListLinksRequest::default()
        });
        let links = self.link_calls();
        pages!(links, Call::ENTERING, list_links(request), links by PAGE_SIZE)
    }
}
