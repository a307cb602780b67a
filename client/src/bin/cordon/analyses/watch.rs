//! `cordon analyses watch`.

use cordon_client::Analyses;
use cordon_client::analysis::Analysis;

use super::rows::Followed;
use crate::context::Context;
use crate::failure::Outcome;
use crate::follow::{Lines, Show, follow};
use crate::output::{Form, Row as _, put_line};

/// Widths of all columns of a row but the last.
const WIDTHS: &[usize] = &[20, 9, 9, 12, 5];

pub(super) async fn run(context: &Context, analyses: &Analyses, name: &str) -> Outcome {
    let changes = analyses.watch(name);
    let lines = match context.output.form() {
        Form::Table => Lines::rows(Followed::HEAD, WIDTHS)?,
        form => Lines::documents(form),
    };
    // It begins with what there is: there is no cursor to go on from.
    follow(changes, None, Shown(lines), |_| None).await
}

/// Changes on stdout.
struct Shown(Lines);

impl Show<Analysis> for Shown {
    fn item(&mut self, analysis: Analysis) -> Outcome {
        let analysis = Followed(analysis);
        match &mut self.0 {
            Lines::Rows(widths) => put_line(&analysis.cells(), widths),
            Lines::Documents(documents) => {
                documents.put(analysis.json().to_string().as_bytes())?;
                documents.flush()
            }
        }
    }

    fn finish(self) -> Outcome {
        self.0.finish()
    }
}
