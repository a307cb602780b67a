//! Lists that come in pages, as one stream.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};

use crate::error::{Error, Result};

/// How many items are fetched at once: as many as the server gives.
pub(crate) const PAGE_SIZE: i32 = 1_000;

/// A list, fetched page by page as it is read.
pub struct Paged<T>(Pin<Box<dyn Stream<Item = Result<T>> + Send>>);

impl<T> fmt::Debug for Paged<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Paged")
    }
}

impl<T: Send + 'static> Paged<T> {
    /// `fetch` takes a page token, empty at first, and gives a page and the next token.
    pub(crate) fn new<F, R>(fetch: F) -> Self
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(Vec<T>, String)>> + Send + 'static,
    {
        let pages = stream::try_unfold((Some(String::new()), fetch), |(token, fetch)| async move {
            let Some(token) = token else {
                return Ok::<_, Error>(None);
            };
            let (items, next) = fetch(token).await?;
            let next = (!next.is_empty()).then_some(next);
            Ok(Some((
                stream::iter(items.into_iter().map(Ok)),
                (next, fetch),
            )))
        });
        Self(pages.try_flatten().boxed())
    }
}

impl<T> Stream for Paged<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Reason;

    #[tokio::test]
    async fn pages_follow_each_other_until_the_token_is_empty() {
        let list = Paged::new(|token| async move {
            match token.as_str() {
                "" => Ok((vec![1, 2], "a".to_owned())),
                "a" => Ok((vec![], "b".to_owned())),
                "b" => Ok((vec![3], String::new())),
                other => Err(Error::new(Reason::InvalidPageToken, other)),
            }
        });
        assert_eq!(list.try_collect::<Vec<_>>().await.unwrap(), [1, 2, 3]);
    }

    #[tokio::test]
    async fn an_error_ends_the_list() {
        let list = Paged::<u8>::new(|_| async { Err(Error::new(Reason::NotFound, "gone")) });
        let error = list.try_collect::<Vec<_>>().await.unwrap_err();
        assert_eq!(*error.reason(), Reason::NotFound);
    }
}
