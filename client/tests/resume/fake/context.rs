//! The fake's context: it notes what it is asked and answers with it.

use cordon_proto::context as wire;
use cordon_proto::context::context_entry::About;
use cordon_proto::context::context_service_server::ContextService;
use tonic::{Request, Response, Status};

use super::Service;
use super::detection::ID;
use super::incidents::TIME;

type Answer<T> = Result<Response<T>, Status>;

fn name() -> String {
    format!("tenants/acme/contextEntries/{ID}")
}

/// A crown jewel that is called `Payroll`.
fn asset(name: String) -> wire::ContextEntry {
    wire::ContextEntry {
        name,
        display_name: "Payroll".to_owned(),
        note: "of all\u{1b}[2J".to_owned(),
        about: Some(About::Asset(wire::Asset {
            identifiers: vec!["arn:aws:s3:::payroll".to_owned()],
            role: "wages".to_owned(),
            crown_jewel: true,
            ..wire::Asset::default()
        })),
        create_time: TIME,
        update_time: TIME,
        updated_by: "jane".to_owned(),
        etag: "e1".to_owned(),
    }
}

fn words(entry: Option<&wire::ContextEntry>) -> String {
    let Some(entry) = entry else {
        return String::new();
    };
    let about = match &entry.about {
        Some(About::Asset(asset)) => format!(
            "{:?} {:?} {}",
            asset.identifiers, asset.role, asset.crown_jewel
        ),
        Some(About::PlannedWork(work)) => format!(
            "{} {:?} {:?} {:?} {:?}",
            work.end_time.unwrap().seconds - work.start_time.unwrap().seconds,
            work.principals,
            work.operations,
            work.resources,
            work.reference
        ),
        Some(About::TrustedNetwork(network)) => {
            format!("{:?} {}", network.cidrs, network.expire_time.is_some())
        }
        None => String::new(),
    };
    format!("{:?} {:?} {about}", entry.display_name, entry.note)
}

#[tonic::async_trait]
impl ContextService for Service {
    async fn create_context_entry(
        &self,
        request: Request<wire::CreateContextEntryRequest>,
    ) -> Answer<wire::CreateContextEntryResponse> {
        let asked = self.incident(
            "create_context_entry",
            request,
            |asked| &asked.request_id,
            |asked| format!("{} {}", asked.parent, words(asked.context_entry.as_ref())),
        )?;
        let entry = asked.context_entry.map(|entry| wire::ContextEntry {
            name: name(),
            ..entry
        });
        Ok(Response::new(wire::CreateContextEntryResponse {
            context_entry: entry,
        }))
    }

    async fn get_context_entry(
        &self,
        request: Request<wire::GetContextEntryRequest>,
    ) -> Answer<wire::GetContextEntryResponse> {
        let asked = self.incident(
            "get_context_entry",
            request,
            |_| "",
            |asked| asked.name.clone(),
        )?;
        Ok(Response::new(wire::GetContextEntryResponse {
            context_entry: Some(asset(asked.name)),
        }))
    }

    async fn list_context_entries(
        &self,
        request: Request<wire::ListContextEntriesRequest>,
    ) -> Answer<wire::ListContextEntriesResponse> {
        let asked = self.incident(
            "list_context_entries",
            request,
            |_| "",
            |asked| format!("{} {} {:?}", asked.parent, asked.kind, asked.page_token),
        )?;
        // One page for the one, one for the other.
        let (entry, next) = match asked.page_token.as_str() {
            "" => (
                wire::ContextEntry {
                    display_name: "Web".to_owned(),
                    ..asset(name().replace("5f1", "5f2"))
                },
                "2",
            ),
            _ => (asset(name()), ""),
        };
        Ok(Response::new(wire::ListContextEntriesResponse {
            context_entries: vec![entry],
            next_page_token: next.to_owned(),
        }))
    }

    async fn update_context_entry(
        &self,
        request: Request<wire::UpdateContextEntryRequest>,
    ) -> Answer<wire::UpdateContextEntryResponse> {
        let asked = self.incident(
            "update_context_entry",
            request,
            |asked| &asked.request_id,
            |asked| {
                let entry = asked.context_entry.clone().unwrap_or_default();
                let paths = asked.update_mask.clone().unwrap_or_default().paths;
                format!(
                    "{} {paths:?} {:?} {}",
                    entry.name,
                    entry.etag,
                    words(Some(&entry))
                )
            },
        )?;
        Ok(Response::new(wire::UpdateContextEntryResponse {
            context_entry: asked.context_entry,
        }))
    }

    async fn delete_context_entry(
        &self,
        request: Request<wire::DeleteContextEntryRequest>,
    ) -> Answer<wire::DeleteContextEntryResponse> {
        self.incident(
            "delete_context_entry",
            request,
            |asked| &asked.request_id,
            |asked| format!("{} {:?}", asked.name, asked.etag),
        )?;
        Ok(Response::new(wire::DeleteContextEntryResponse {}))
    }

    async fn import_assets(
        &self,
        request: Request<wire::ImportAssetsRequest>,
    ) -> Answer<wire::ImportAssetsResponse> {
        let asked = self.incident(
            "import_assets",
            request,
            |asked| &asked.request_id,
            |asked| {
                let first = words(asked.context_entries.first());
                format!("{} {} {first}", asked.parent, asked.context_entries.len())
            },
        )?;
        Ok(Response::new(wire::ImportAssetsResponse {
            created_count: i32::try_from(asked.context_entries.len()).unwrap_or(i32::MAX),
            updated_count: 1,
            unchanged_count: 0,
        }))
    }
}
