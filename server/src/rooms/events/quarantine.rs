//! What is kept of a record until somebody whom it concerns is registered: all that attribution
//! needs to be done again.

use cordon_kernel::{Error, Result};
use cordon_views::SourceType;

/// A record in quarantine.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept<'a> {
    /// How it is read.
    pub source_type: SourceType,
    /// What is needed besides.
    pub context: Option<&'a str>,
    /// When it was received, ns.
    pub observed: i64,
    /// The record.
    pub record: &'a [u8],
}

/// First byte of every kept record: the layout's version.
const VERSION: u8 = 1;

/// `version, source type, observed, length of the context, context, record`.
#[must_use]
pub(super) fn encode(
    source_type: SourceType,
    context: Option<&str>,
    observed: i64,
    record: &[u8],
) -> Vec<u8> {
    let context = context.unwrap_or_default();
    let mut out = Vec::with_capacity(14 + context.len() + record.len());
    out.extend_from_slice(&[VERSION, source_type.code()]);
    out.extend_from_slice(&observed.to_le_bytes());
    out.extend_from_slice(&u32::try_from(context.len()).unwrap_or(0).to_le_bytes());
    out.extend_from_slice(context.as_bytes());
    out.extend_from_slice(record);
    out
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// `INTERNAL` when it is not that.
pub(super) fn decode(bytes: &[u8]) -> Result<Kept<'_>> {
    let kept = || {
        let (head, rest) = bytes.split_first_chunk::<2>()?;
        let [VERSION, code] = *head else { return None };
        let (observed, rest) = rest.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (context, record) =
            rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        let context = std::str::from_utf8(context).ok()?;
        Some(Kept {
            source_type: SourceType::from_code(code)?,
            context: (!context.is_empty()).then_some(context),
            observed: i64::from_le_bytes(*observed),
            record,
        })
    };
    kept().ok_or_else(|| Error::internal("a record in quarantine does not decode"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        for context in [None, Some("version account-id")] {
            let bytes = encode(SourceType::AwsVpcFlow, context, -5, b"2 1");
            let kept = decode(&bytes).unwrap();
            assert_eq!(
                kept,
                Kept {
                    source_type: SourceType::AwsVpcFlow,
                    context,
                    observed: -5,
                    record: b"2 1"
                }
            );
        }
        for bad in [
            &b""[..],
            &[1, 2, 3],
            &[9; 40],
            &[1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0],
        ] {
            assert!(decode(bad).is_err());
        }
    }
}
