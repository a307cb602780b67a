//! `cordon detect baselines`: what is usual of a tenant, and what is not.

use clap::Subcommand;
use cordon_client::Baselines;
use serde_json::{Value, json};

use crate::context::{Context, Whose};
use crate::failure::Outcome;
use crate::output::Form;
use crate::show::time_json;

/// What can be done with baselines.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Whether they are on, and how far they have come
    Show,
    /// Learn from the tenant's events what is usual, from the oldest on, and make findings of what is not
    Enable,
    /// Learn and find nothing more
    Disable,
    /// Forget what was learned, and learn anew
    Forget,
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Command) -> Outcome {
    let client = context.client_of_tenant(whose).await?;
    let baselines = client.baselines();
    let told = match command {
        Command::Show => baselines.get().await?,
        Command::Enable => baselines.set(true, "").await?,
        Command::Disable => baselines.set(false, "").await?,
        Command::Forget => baselines.forget("").await?,
    };
    match context.output.form() {
        Form::Table => context.output.text(&page(&told)),
        Form::Json | Form::Ndjson => context.output.document(&document(&told)),
    }
}

/// For people.
pub(super) fn page(told: &Baselines) -> String {
    if !told.enabled {
        return "Baselines are off: what no rule names is not found. `cordon detect baselines enable` \
                switches them on.\n"
            .to_owned();
    }
    let left = told.head_sequence.saturating_sub(told.learned_sequence);
    let mut page = match left {
        0 => format!(
            "Baselines are on, and have learned from all {} events.\n",
            told.head_sequence
        ),
        left => format!(
            "Baselines are on, and have learned from {} of {} events; {left} are to come.\n",
            told.learned_sequence, told.head_sequence
        ),
    };
    page.push_str(&format!(
        "The model has {} of 65 parts, {} KiB.\n",
        told.part_count,
        told.size_bytes / 1024
    ));
    if told.crowded_count > 0 {
        page.push_str(&format!(
            "It was too full for {} names or values: somebody new may go unjudged.\n",
            told.crowded_count
        ));
    }
    page
}

fn document(told: &Baselines) -> Value {
    json!({
        "name": told.name,
        "enabled": told.enabled,
        "learned_sequence": told.learned_sequence,
        "head_sequence": told.head_sequence,
        "part_count": told.part_count,
        "size_bytes": told.size_bytes,
        "crowded_count": told.crowded_count,
        "learn_time": time_json(told.learn_time.as_ref()),
        "etag": told.etag,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_what_is_left_and_what_to_do() {
        let off = page(&Baselines::default());
        assert!(off.contains("off") && off.contains("enable"), "{off}");
        let some = Baselines {
            enabled: true,
            learned_sequence: 40,
            head_sequence: 100,
            part_count: 3,
            size_bytes: 4_096,
            crowded_count: 2,
            ..Baselines::default()
        };
        let page = page(&some);
        assert!(
            page.contains("40 of 100") && page.contains("60 are to come"),
            "{page}"
        );
        assert!(page.contains("4 KiB") && page.contains("2 names"), "{page}");
    }
}
