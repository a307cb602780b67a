//! A matrix for people: in a terminal, and as a picture.

mod plain;
mod svg;

pub use self::plain::{Tone, plain};
pub use self::svg::svg;

use crate::{Access, Matrix};

/// What the letters mean, in the order of the legend.
const MEANING: [(Access, &str); 4] = [
    (Access::Direct, "read it yourself"),
    (Access::Analysis, "ask the provider to analyse it"),
    (Access::Forensic, "by a forensic request"),
    (Access::None, "no access"),
];

/// What a cell says.
const CELLS: &str =
    "A cell says how many kinds of a technique's data the source records, of how many.";

/// The figures in two sentences.
fn said(matrix: &Matrix<'_>) -> String {
    let Matrix {
        version,
        techniques,
        whole,
        partly,
        gaps,
        silent,
        ..
    } = matrix;
    let plural = if *techniques == 1 { "" } else { "s" };
    format!(
        "Of {techniques} technique{plural} of ATT&CK {version}, your sources have all data of \
         {whole}, some of {partly} and none of {gaps}. ATT&CK names no data of {silent} for your \
         platforms."
    )
}
