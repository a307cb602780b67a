//! `cordon snapshots watch`.

use cordon_client::Snapshots;
use cordon_client::snapshots::Snapshot;

use super::rows::Followed;
use crate::context::Context;
use crate::failure::Outcome;
use crate::follow::{Lines, Show, follow};
use crate::output::{Form, Row as _, put_line};

/// Widths of all columns of a row but the last.
const WIDTHS: &[usize] = &[20, 9, 10, 10, 10];

pub(super) async fn run(context: &Context, snapshots: &Snapshots, name: &str) -> Outcome {
    let changes = snapshots.watch(name);
    let lines = match context.output.form() {
        Form::Table => Lines::rows(Followed::HEAD, WIDTHS)?,
        form => Lines::documents(form),
    };
    // It begins with what there is: there is no cursor to go on from.
    follow(changes, None, Shown(lines), |_| None).await
}

/// Changes on stdout.
struct Shown(Lines);

impl Show<Snapshot> for Shown {
    fn item(&mut self, snapshot: Snapshot) -> Outcome {
        let snapshot = Followed(snapshot);
        match &mut self.0 {
            Lines::Rows(widths) => put_line(&snapshot.cells(), widths),
            Lines::Documents(documents) => {
                documents.put(snapshot.json().to_string().as_bytes())?;
                documents.flush()
            }
        }
    }

    fn finish(self) -> Outcome {
        self.0.finish()
    }
}
