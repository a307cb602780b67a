//! `cordon incidents provider-wide`.

use clap::Subcommand;
use cordon_client::{CloseCode, NewIncident, ProviderIncident, ProviderIncidentChild};
use serde_json::{Value, json};

use super::prose;
use super::prose::laid_out;
use super::show::moment;
use super::words::{
    CodeArg, SeverityArg, TlpArg, phase, plain, plain_or_none, severity, state, tlp,
};
use crate::context::{Context, Whose};
use crate::failure::{Outcome, note};
use crate::output::{Form, Row};
use crate::show::{or_null, short, time_json};
use crate::text::cell;

pub(super) const HELP: &str = "\
For staff. Each tenant that is concerned gets an incident of its own, its child, and sees nothing of
the others: neither who they are nor how many. Commands that change something enter every tenant
with --justification, which like the title and all notices may name no customer. What was broken
off, or could not be done since a tenant was suspended, `resume` finishes; nothing is done twice.";

/// What can be done with incidents of the whole provider.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Open one, and a child in each tenant
    Open {
        /// What it is, in one line
        #[arg(long)]
        title: String,
        /// How bad it is
        #[arg(long, value_enum)]
        severity: SeverityArg,
        /// What is known: the text, `@FILE`, or `-` for stdin
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        /// How far it may be passed on
        #[arg(long, value_enum, default_value_t = TlpArg::Amber)]
        tlp: TlpArg,
        /// The tenants that it concerns
        #[arg(value_name = "TENANT", required = true)]
        tenants: Vec<String>,
    },
    /// All of them, the newest first
    List,
    /// One of them, what was said to all, and how it stands with each tenant
    Show {
        /// Its full name or id
        name: String,
    },
    /// Add tenants that it concerns, too; they get what was said before
    Add {
        /// Its full name or id
        name: String,
        /// The tenants
        #[arg(value_name = "TENANT", required = true)]
        tenants: Vec<String>,
    },
    /// Say something to all, once
    Notice {
        /// Its full name or id
        name: String,
        /// What; `@FILE` or `-` for stdin
        text: String,
    },
    /// Close it with a last notice, and its children; as resolved those alone in the follow-up
    Close {
        /// Its full name or id
        name: String,
        /// Why
        #[arg(value_enum)]
        code: CodeArg,
        /// In words: the last notice
        #[arg(long)]
        reason: String,
    },
    /// Finish what is left to be done in tenants
    Resume {
        /// Its full name or id
        name: String,
    },
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Command) -> Outcome {
    let client = context.client_for(whose).await?;
    let incidents = client.provider_incidents();
    let whole = match command {
        Command::List => return context.output.list(incidents.list()).await,
        Command::Open {
            title,
            severity,
            description,
            tlp,
            tenants,
        } => {
            let new = NewIncident {
                title,
                description: prose::read_or_file(description)?,
                severity: severity.into(),
                tlp: tlp.into(),
                exercise: false,
            };
            incidents.create(new, &tenants).await?
        }
        Command::Show { name } => incidents.get(&name).await?,
        Command::Add { name, tenants } => incidents.add_tenants(&name, &tenants).await?,
        Command::Notice { name, text } => {
            let text = prose::read_or_file(text)?;
            incidents.notice(&name, &text).await?
        }
        Command::Close { name, code, reason } => {
            let code = CloseCode::from(code);
            incidents.close(&name, code, &reason).await?
        }
        Command::Resume { name } => incidents.resume(&name).await?,
    };
    show(context, &whole)
}

fn show(context: &Context, whole: &ProviderIncident) -> Outcome {
    if context.output.form() != Form::Table {
        return context.output.document(&whole.json());
    }
    context.output.text(&page(whole))?;
    let rows = whole.children.iter().map(Row::cells).collect();
    context.output.table(ProviderIncidentChild::HEAD, rows)?;
    let left = whole.children.iter().filter(|child| !child.complete);
    let left = left.count();
    if left > 0 {
        note(&format!(
            "not everything is done in {left} of the tenants: `cordon incidents provider-wide \
             resume` finishes it, once they can be entered"
        ));
    }
    Ok(())
}

/// Everything but the children.
fn page(whole: &ProviderIncident) -> String {
    let mut lines = laid_out(&cell(&whole.title), 0, 4);
    lines.push(cell(&whole.name));
    let pairs = [
        ("severity", plain(severity(whole.severity()))),
        ("state", plain(state(whole.state()))),
        (
            "marking",
            format!("TLP:{}", tlp(whole.tlp()).replace('_', "+")),
        ),
        (
            "opened",
            format!(
                "{} by {}",
                moment(whole.create_time.as_ref()),
                whole.opened_by
            ),
        ),
        ("changed", moment(whole.update_time.as_ref())),
    ];
    for (name, value) in pairs {
        lines.extend(laid_out(&format!("{name:<11}{}", cell(&value)), 0, 11));
    }
    if !whole.description.is_empty() {
        lines.push(String::new());
        lines.extend(laid_out(&whole.description, 2, 2));
    }
    if !whole.notices.is_empty() {
        lines.extend([String::new(), "Said to all:".to_owned()]);
    }
    for notice in &whole.notices {
        let when = moment(notice.create_time.as_ref());
        lines.extend(laid_out(&cell(&format!("{when}  {}", notice.author)), 2, 6));
        lines.extend(laid_out(&notice.text, 6, 6));
    }
    lines.push(String::new());
    lines.join("\n")
}

impl Row for ProviderIncident {
    const HEAD: &'static [&'static str] =
        &["severity", "state", "title", "opened", "changed", "id"];

    fn cells(&self) -> Vec<String> {
        vec![
            plain(severity(self.severity())),
            plain(state(self.state())),
            self.title.clone(),
            moment(self.create_time.as_ref()),
            moment(self.update_time.as_ref()),
            short(&self.name),
        ]
    }

    fn json(&self) -> Value {
        let children: Vec<_> = self.children.iter().map(Row::json).collect();
        let notices: Vec<_> = self
            .notices
            .iter()
            .map(|notice| {
                json!({
                    "text": notice.text,
                    "author": notice.author,
                    "create_time": time_json(notice.create_time.as_ref()),
                })
            })
            .collect();
        json!({
            "name": self.name,
            "title": self.title,
            "description": or_null(self.description.clone()),
            "severity": or_null(severity(self.severity()).to_owned()),
            "tlp": or_null(tlp(self.tlp()).to_owned()),
            "state": or_null(state(self.state()).to_owned()),
            "opened_by": self.opened_by,
            "create_time": time_json(self.create_time.as_ref()),
            "update_time": time_json(self.update_time.as_ref()),
            "children": children,
            "notices": notices,
        })
    }
}

impl Row for ProviderIncidentChild {
    const HEAD: &'static [&'static str] = &["tenant", "state", "phase", "complete", "incident"];

    fn cells(&self) -> Vec<String> {
        vec![
            short(&self.tenant),
            plain_or_none(state(self.state())),
            plain_or_none(phase(self.phase())),
            if self.complete { "yes" } else { "no" }.to_owned(),
            self.incident.clone(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "tenant": self.tenant,
            "incident": or_null(self.incident.clone()),
            "state": or_null(state(self.state()).to_owned()),
            "phase": or_null(phase(self.phase()).to_owned()),
            "complete": self.complete,
        })
    }
}
