//! Pages of the registers (AIP-158). A token says after which row the next page begins; it is good
//! for an hour, for one listing, and for the tenant that it was given out to.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cordon_kernel::facade::Kernel;
use cordon_kernel::page::VALIDITY;
use cordon_kernel::{Disclosed, Error, Reason, Result};

use super::access::Access;

/// Rows of a page when the caller does not say.
const DEFAULT_SIZE: usize = 100;
/// Most rows of a page; more are not given, as the interface says.
const MAX_SIZE: usize = 1_000;
/// Longest token that is worth decoding.
const MAX_TOKEN: usize = 1_024;

/// What a caller asks of a listing.
#[derive(Debug, Clone)]
pub(crate) struct PageRequest {
    size: usize,
    token: String,
}

impl PageRequest {
    /// Checks a request's `page_size`; its `page_token` is opened by [`Listing::after`].
    pub(crate) fn new(page_size: i32, page_token: String) -> Result<Self> {
        Self::of(page_size, page_token, (DEFAULT_SIZE, MAX_SIZE))
    }

    /// The same where a page has another size when the caller does not say, and at most.
    pub(crate) fn of(
        page_size: i32,
        page_token: String,
        (usual, most): (usize, usize),
    ) -> Result<Self> {
        let size = match usize::try_from(page_size) {
            Err(_) => {
                let rule = format!("expected 0 to {most}");
                return Err(Error::invalid("page_size", rule));
            }
            Ok(0) => usual,
            Ok(size) => size.min(most),
        };
        Ok(Self {
            size,
            token: page_token,
        })
    }
}

/// One page of a listing.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) rows: Disclosed<Vec<T>>,
    /// Empty at the end.
    pub(crate) next: String,
}

/// A listing by one caller: binds tokens to the method and to what is listed.
pub(crate) struct Listing<'a> {
    kernel: &'a Kernel,
    access: &'a Access,
    request: PageRequest,
    query: String,
}

impl<'a> Listing<'a> {
    /// The listing of what lies below `parent` (empty for all) by the access's action.
    pub(crate) fn new(
        kernel: &'a Kernel,
        access: &'a Access,
        parent: &str,
        request: PageRequest,
    ) -> Self {
        let query = format!("page/{}/{parent}", access.permit().action());
        Self {
            kernel,
            access,
            request,
            query,
        }
    }

    /// After which row the page begins; `None` for the first page.
    ///
    /// # Errors
    /// `INVALID_PAGE_TOKEN` for a token that was not given out for this listing and caller, or
    /// has expired.
    pub(crate) async fn after(&self) -> Result<Option<String>> {
        let token = self.request.token.as_str();
        if token.is_empty() {
            return Ok(None);
        }
        let sealed = (token.len() <= MAX_TOKEN).then(|| URL_SAFE_NO_PAD.decode(token).ok());
        let sealed = sealed.flatten().ok_or_else(refused)?;
        let plain = match self.access {
            Access::Tenant(scope, _) => {
                let cipher = self.kernel.cipher(scope).await?;
                cipher
                    .open(&self.query, 0, &sealed)
                    .map_err(|_| refused())?
            }
            // Staff may list these registers from anywhere on: there is nothing to seal from
            // them. What keeps a token to its listing is in it.
            Access::Provider(..) => {
                let plain = sealed
                    .strip_prefix(self.query.as_bytes())
                    .ok_or_else(refused)?;
                plain.strip_prefix(&[0]).ok_or_else(refused)?.to_vec()
            }
        };
        let (expires, after) = plain.split_first_chunk::<8>().ok_or_else(refused)?;
        if self.kernel.env().now().as_second() >= i64::from_be_bytes(*expires) {
            return Err(refused());
        }
        String::from_utf8(after.to_vec())
            .map(Some)
            .map_err(|_| refused())
    }

    /// How many rows to read: one more than the page has, to know whether another follows.
    pub(crate) fn limit(&self) -> i64 {
        i64::try_from(self.request.size)
            .unwrap_or(i64::MAX)
            .saturating_add(1)
    }

    /// Makes a page of the rows that were read; `key` is what the next page begins after.
    pub(crate) async fn page<T>(
        &self,
        rows: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<Page<T>> {
        self.page_of(rows, false, key).await
    }

    /// The same; `cut` says that more rows follow than were read.
    pub(crate) async fn page_of<T>(
        &self,
        mut rows: Vec<T>,
        cut: bool,
        key: impl Fn(&T) -> String,
    ) -> Result<Page<T>> {
        let more = cut || rows.len() > self.request.size;
        rows.truncate(self.request.size);
        let next = match rows.last() {
            Some(last) if more => self.token(&key(last)).await?,
            _ => String::new(),
        };
        Ok(Page {
            rows: self.access.disclose(rows),
            next,
        })
    }

    async fn token(&self, after: &str) -> Result<String> {
        let expires = self
            .kernel
            .env()
            .now()
            .as_second()
            .saturating_add(VALIDITY.as_secs());
        let plain = [expires.to_be_bytes().as_slice(), after.as_bytes()].concat();
        let bytes = match self.access {
            Access::Tenant(scope, _) => {
                self.kernel
                    .cipher(scope)
                    .await?
                    .seal(&self.query, 0, &plain)?
            }
            Access::Provider(..) => [self.query.as_bytes(), &[0], &plain].concat(),
        };
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }
}

fn refused() -> Error {
    Error::new(
        Reason::InvalidPageToken,
        "the page token is not of this query, or is older than an hour: start again without one",
    )
}
