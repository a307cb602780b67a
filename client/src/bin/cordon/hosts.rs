//! `cordon admin hosts`.

use std::path::PathBuf;

use clap::Subcommand;
use cordon_client::{HostWork, MOST_PLACEMENTS, Placement};
use futures::StreamExt as _;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::Row;
use crate::show::{or_null, short, time, time_json};

/// What can be done with the records of hosts.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Announce work on hosts: tenants are told of it if it is seven days ahead and on 20 or more
    Announce {
        /// The first day, UTC, as in 2026-11-30
        #[arg(long, value_name = "DAY")]
        first: Date,
        /// The last day; the first, if not given
        #[arg(long, value_name = "DAY")]
        last: Option<Date>,
        /// What it is called where it was announced
        #[arg(long, value_name = "TEXT", default_value = "")]
        reference: String,
        /// The hosts, a line each
        #[arg(value_name = "FILE")]
        hosts: PathBuf,
    },
    /// Announced work, newest first
    List {
        /// How many at most
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Say on which hosts instances are or were: CSV with tenant, instance, host, start, end
    Place {
        /// The file; `end` may be empty, times are as in 2026-11-30T08:00:00Z
        #[arg(value_name = "FILE")]
        placements: PathBuf,
    },
}

/// A line of the file.
#[derive(Debug, Deserialize)]
struct Line {
    tenant: String,
    instance: String,
    host: String,
    start: Timestamp,
    end: Option<Timestamp>,
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let output = &context.output;
    match command {
        Command::Announce {
            first,
            last,
            reference,
            hosts,
        } => {
            let text = read(&hosts)?;
            let hosts = text.lines().map(str::trim).filter(|line| !line.is_empty());
            let hosts = hosts.map(str::to_owned).collect();
            let days = (first, last.unwrap_or(first));
            let client = context.client().await?.hosts();
            output.one(&client.announce(days, hosts, &reference).await?)
        }
        Command::List { limit } => {
            let client = context.client().await?.hosts();
            output
                .list(client.list().take(limit.unwrap_or(usize::MAX)))
                .await
        }
        Command::Place { placements } => {
            let placements = lines(&read(&placements)?)?;
            let client = context.client().await?.hosts();
            let mut count = 0;
            for some in placements.chunks(MOST_PLACEMENTS) {
                count += client.record(some.to_vec()).await?;
            }
            let sentence = format!("{count} new or changed of {}", placements.len());
            output.done(&sentence, &json!({ "recorded": count }))
        }
    }
}

fn read(path: &PathBuf) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

fn lines(text: &str) -> Result<Vec<Placement>, Failure> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let lines = reader.deserialize::<Line>().enumerate().map(|(at, line)| {
        let line =
            line.map_err(|error| Failure::usage(format!("placement {}: {error}", at + 1)))?;
        let tenant = match line.tenant.starts_with("tenants/") {
            true => line.tenant,
            false => format!("tenants/{}", line.tenant),
        };
        Ok(Placement {
            tenant,
            instance: line.instance,
            host: line.host,
            start_time: Some(cordon_client::time::to_proto(line.start)),
            end_time: line.end.map(cordon_client::time::to_proto),
        })
    });
    lines.collect()
}

impl Row for HostWork {
    const HEAD: &'static [&'static str] = &[
        "work",
        "first",
        "last",
        "hosts",
        "told",
        "reference",
        "announced",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            short(&self.name),
            self.first_day.clone(),
            self.last_day.clone(),
            self.host_count.to_string(),
            if self.told { "yes" } else { "no" }.to_owned(),
            self.reference.clone(),
            time(self.announce_time.as_ref()),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "first_day": self.first_day,
            "last_day": self.last_day,
            "host_count": self.host_count,
            "told": self.told,
            "reference": or_null(self.reference.clone()),
            "announce_time": time_json(self.announce_time.as_ref()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placements_are_read() {
        let text = "tenant,instance,host,start,end\n\
                    acme,i-1,hv-1,2026-11-01T00:00:00Z,\n\
                    tenants/acme,i-1,hv-2,2026-11-02T00:00:00Z,2026-11-03T00:00:00Z\n";
        let read = lines(text).unwrap();
        assert_eq!(read[0].tenant, "tenants/acme");
        assert_eq!((read[0].end_time, read[1].end_time.is_some()), (None, true));
        for wrong in [
            "tenant,instance\na,b\n",
            "tenant,instance,host,start,end\na,b,c,d,\n",
        ] {
            assert!(lines(wrong).is_err(), "{wrong}");
        }
    }
}
