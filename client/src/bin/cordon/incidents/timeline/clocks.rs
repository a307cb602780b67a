//! What is said of clocks and of deadlines of the law.

use cordon_client::{ClockRef, ReportingFactKind};

use crate::incidents::show::moment;
use crate::incidents::words::plain;
use crate::show::short;
use crate::sla::words::{duty, kind, stage};

/// What was promised, and which of several it is.
pub(super) fn clock(clock: Option<&ClockRef>) -> String {
    let Some(clock) = clock else {
        return plain("");
    };
    let kind = plain(kind(clock.objective()));
    match (clock.interval, clock.request.as_str()) {
        (0, "") => kind,
        (0, request) => format!("{kind} {}", short(request)),
        (interval, _) => format!("{kind} {interval}"),
    }
}

pub(super) fn fact_words(fact: Option<&ReportingFactKind>) -> String {
    match fact {
        Some(ReportingFactKind::Duties(duties)) => {
            let named: Vec<_> = duties.duties().map(|of| plain(duty(of))).collect();
            match named.is_empty() {
                true => "has no duty to report it".to_owned(),
                false => format!("has duties to report it: {}", named.join(", ")),
            }
        }
        Some(ReportingFactKind::AwarenessTime(at)) => format!("became aware {}", moment(Some(at))),
        Some(ReportingFactKind::ClassificationTime(at)) => {
            format!("classified it as major {}", moment(Some(at)))
        }
        Some(ReportingFactKind::Submission(of)) => format!(
            "submitted by {}: {}, {}",
            plain(duty(of.duty())),
            plain(stage(of.stage())),
            moment(of.time.as_ref())
        ),
        None => "something that this program is too old to know".to_owned(),
    }
}
