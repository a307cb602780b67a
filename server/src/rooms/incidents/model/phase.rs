//! Which phase may follow which.

use super::Phase;

/// How one phase follows another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// As handling goes.
    Forward,
    /// To an earlier phase: with a reason.
    Back,
    /// Not at all.
    Barred,
}

/// How `to` follows `from`. Containment and investigation change places where that is called for,
/// and either can be left out; what comes after them can't.
pub(super) fn step(from: Phase, to: Phase) -> Step {
    use Phase as P;
    match (from, to) {
        (P::Preparation, P::Identification)
        | (P::Identification, P::Containment | P::Investigation)
        | (P::Containment, P::Investigation | P::Eradication)
        | (P::Investigation, P::Containment | P::Eradication)
        | (P::Eradication, P::Recovery)
        | (P::Recovery, P::FollowUp) => Step::Forward,
        _ if to < from && to > P::Preparation => Step::Back,
        _ => Step::Barred,
    }
}
