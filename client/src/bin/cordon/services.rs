//! `cordon admin services`.

use clap::{Subcommand, ValueEnum};
use cordon_client::{Access, Service, ServiceModel, ServiceSource};
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::Outcome;
use crate::incidents::words::{plain, words};
use crate::output::Row;
use crate::show::{or_null, short, time, time_json};

/// What can be done with the services that tenants use.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say that a tenant uses a service, and how it gets at the service's records
    Add {
        /// The tenant
        #[arg(value_name = "TENANT")]
        of: String,
        /// 3 to 63 of a-z, 0-9 and `-`, beginning with a letter, as in object-storage
        #[arg(value_name = "SERVICE")]
        id: String,
        /// Its model
        #[arg(long, value_enum)]
        model: ModelArg,
        /// A kind of its records, and how the tenant gets at them: direct, analysis or forensic; may
        /// be repeated
        #[arg(long, value_name = "TYPE=ACCESS", value_parser = source)]
        source: Vec<ServiceSource>,
    },
    /// The services that a tenant uses
    List {
        /// The tenant
        #[arg(value_name = "TENANT")]
        of: String,
    },
    /// Say that a tenant does not use a service any more
    Remove {
        /// The tenant
        #[arg(value_name = "TENANT")]
        of: String,
        /// The service
        #[arg(value_name = "SERVICE")]
        id: String,
    },
}

words! {
    /// Who runs what of it.
    ModelArg for ServiceModel, model {
        /// Infrastructure as a service
        Iaas = "IAAS",
        /// Platform as a service
        Paas = "PAAS",
        /// Software as a service
        Saas = "SAAS",
    }
}

/// The word as JSON has it.
pub(crate) const fn access(access: Access) -> &'static str {
    match access {
        Access::None => "NONE",
        Access::Forensic => "FORENSIC",
        Access::Analysis => "ANALYSIS",
        Access::Direct => "DIRECT",
        Access::Unspecified => "",
    }
}

fn source(text: &str) -> Result<ServiceSource, String> {
    let (source_type, by) = text
        .split_once('=')
        .ok_or("expected a kind of records and an access, as in aws.cloudtrail=direct")?;
    let access = match by {
        "direct" => Access::Direct,
        "analysis" => Access::Analysis,
        "forensic" => Access::Forensic,
        _ => return Err("expected direct, analysis or forensic behind the `=`".to_owned()),
    };
    Ok(ServiceSource {
        source_type: source_type.to_owned(),
        access: access.into(),
    })
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let catalogue = context.client().await?.catalogue();
    let output = &context.output;
    match command {
        Command::Add {
            of,
            id,
            model,
            source,
        } => {
            let service = Service {
                service_model: ServiceModel::from(model).into(),
                sources: source,
                ..Service::default()
            };
            output.one(&catalogue.create_service(&of, &id, service).await?)
        }
        Command::List { of } => output.list(catalogue.list_services(&of)).await,
        Command::Remove { of, id } => {
            catalogue.delete_service(&of, &id).await?;
            let sentence = format!("{of} does not use {id} any more");
            output.done(&sentence, &json!({ "deleted": id }))
        }
    }
}

impl Row for Service {
    const HEAD: &'static [&'static str] = &["service", "model", "sources", "since"];

    fn cells(&self) -> Vec<String> {
        let sources = self.sources.iter();
        let sources = sources
            .map(|source| format!("{}={}", source.source_type, plain(access(source.access()))));
        vec![
            short(&self.name),
            plain(model(self.service_model())),
            sources.collect::<Vec<_>>().join(" "),
            time(self.create_time.as_ref()),
        ]
    }

    fn json(&self) -> Value {
        let sources = self.sources.iter().map(|source| {
            json!({
                "source_type": source.source_type,
                "access": or_null(access(source.access()).to_owned()),
            })
        });
        json!({
            "name": self.name,
            "service_model": or_null(model(self.service_model()).to_owned()),
            "sources": sources.collect::<Vec<_>>(),
            "create_time": time_json(self.create_time.as_ref()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read() {
        let read = source("aws.cloudtrail=analysis").unwrap();
        assert_eq!(read.source_type, "aws.cloudtrail");
        assert_eq!(read.access(), Access::Analysis);
        for wrong in [
            "",
            "aws.cloudtrail",
            "aws.cloudtrail=",
            "aws.cloudtrail=none",
        ] {
            assert!(source(wrong).is_err(), "{wrong}");
        }
    }
}
