//! Following a stream that has no end, until stopped.

use cordon_client::Error;
use futures::{Stream, TryStreamExt as _};

use crate::failure::{Failure, Outcome, note};
use crate::output::{Documents, Form, put_line};

/// Something that shows each thing as soon as it comes.
pub(crate) trait Show<T> {
    fn item(&mut self, item: T) -> Outcome;

    /// Nothing more comes.
    fn finish(self) -> Outcome;
}

/// What such a thing writes: rows, which can't wait for what is still to come and so have fixed
/// widths, or documents.
pub(crate) enum Lines {
    Rows(&'static [usize]),
    Documents(Documents),
}

impl Lines {
    /// Begins rows; `widths` are those of all columns but the last.
    pub(crate) fn rows(head: &[&str], widths: &'static [usize]) -> Result<Self, Failure> {
        let head = head.iter().map(|name| name.to_uppercase());
        put_line(&head.collect::<Vec<_>>(), widths)?;
        Ok(Self::Rows(widths))
    }

    pub(crate) fn documents(form: Form) -> Self {
        Self::Documents(Documents::new(form))
    }

    pub(crate) fn finish(self) -> Outcome {
        match self {
            Self::Rows(_) => Ok(()),
            Self::Documents(documents) => documents.finish(),
        }
    }
}

/// Shows what comes, up to a limit, and says at the end how to go on.
pub(crate) async fn follow<S, T>(
    mut new: S,
    limit: Option<u64>,
    mut shown: impl Show<T>,
    cursor: impl Fn(&S) -> Option<i64>,
) -> Outcome
where
    S: Stream<Item = Result<T, Error>> + Unpin,
{
    let mut left = limit.unwrap_or(u64::MAX);
    let result = loop {
        if left == 0 {
            break Ok(());
        }
        tokio::select! {
            item = new.try_next() => match item {
                Ok(Some(item)) => {
                    left -= 1;
                    if let Err(failure) = shown.item(item) {
                        break Err(failure);
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(Failure::from(error)),
            },
            stopped = tokio::signal::ctrl_c() => break stopped.map_err(Failure::from),
        }
    };
    let result = result.and_then(|()| shown.finish());
    if let Some(cursor) = cursor(&new) {
        note(&format!("to go on from here: --cursor {cursor}"));
    }
    result
}
