//! What a rule would have found in the past.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use cordon_proto::detection::test_rule_request::Rule as Which;
use cordon_proto::detection::test_rule_response::Result as Part;
use cordon_proto::detection::{RuleHit, RuleTestSummary, TestRuleRequest, TestRuleResponse};
use futures::{Stream, StreamExt as _, stream};
use jiff::Timestamp;
use tonic::Streaming;

use super::Rules;
use crate::error::{Error, Reason, Result};
use crate::events::View;
use crate::retry::{Backoff, Repeat};
use crate::time::{now, to_proto};
use crate::token::Freshness;

/// Which rule is tried, and on which events.
///
/// ```
/// use std::time::Duration;
/// use cordon_client::{RuleTest, View};
/// let stored = RuleTest::of_rule("tenants/acme/rules/0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f6")
///     .last(Duration::from_secs(7 * 24 * 3600))
///     .view(View::Columns)
///     .max_hits(500);
/// # let _ = stored;
/// ```
#[derive(Debug, Clone)]
pub struct RuleTest {
    rule: Tried,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    max_hits: i32,
    view: View,
}

#[derive(Debug, Clone)]
enum Tried {
    Text(String),
    Stored(String),
}

impl RuleTest {
    fn new(rule: Tried) -> Self {
        Self {
            rule,
            since: None,
            until: None,
            max_hits: 100,
            view: View::Ocsf,
        }
    }

    /// A Sigma rule that need not be stored, on events of all times.
    #[must_use]
    pub fn of_text(text: impl Into<String>) -> Self {
        Self::new(Tried::Text(text.into()))
    }

    /// A rule that is stored, with its exceptions. Takes names as [`Rules::name`] does.
    #[must_use]
    pub fn of_rule(name: impl Into<String>) -> Self {
        Self::new(Tried::Stored(name.into()))
    }

    /// Only events that happened at this time or later.
    #[must_use]
    pub fn since(mut self, time: Timestamp) -> Self {
        self.since = Some(time);
        self
    }

    /// Only events that happened before this time.
    #[must_use]
    pub fn until(mut self, time: Timestamp) -> Self {
        self.until = Some(time);
        self
    }

    /// Only events of the time before now, by this machine's clock.
    #[must_use]
    pub fn last(self, time: Duration) -> Self {
        self.since(now().checked_sub(time).unwrap_or(Timestamp::MIN))
    }

    /// No event at all, so that nothing but the rule itself is looked at: whether it is understood.
    #[must_use]
    pub fn of_no_event(self) -> Self {
        self.since(Timestamp::UNIX_EPOCH)
            .until(Timestamp::UNIX_EPOCH)
            .max_hits(1)
    }

    /// How many hits at most, up to 10,000; 100 if not set.
    #[must_use]
    pub fn max_hits(mut self, hits: u32) -> Self {
        // 0 would mean the usual number.
        self.max_hits = i32::try_from(hits.max(1)).unwrap_or(i32::MAX);
        self
    }

    /// How much of each event; OCSF if not set.
    #[must_use]
    pub fn view(mut self, view: View) -> Self {
        self.view = view;
        self
    }

    fn request(self, rules: &Rules) -> Result<TestRuleRequest> {
        let (parent, rule) = match self.rule {
            Tried::Text(text) => (rules.client.parent()?, Which::Text(text)),
            Tried::Stored(name) => {
                let name = rules.name(&name)?;
                // A rule is tried on the events of the tenant whose it is.
                let tenant = name.split_once("/rules/").map(|(tenant, _)| tenant);
                let parent = match tenant {
                    Some(tenant) => tenant.to_owned(),
                    None => rules.client.parent()?,
                };
                (parent, Which::Name(name))
            }
        };
        Ok(TestRuleRequest {
            parent,
            rule: Some(rule),
            start_time: self.since.map(to_proto),
            end_time: self.until.map(to_proto),
            max_hits: self.max_hits,
            view: self.view.into(),
        })
    }
}

/// What a rule would have found; from [`Rules::test`]. Newest first, of a correlation oldest first.
///
/// A connection that is lost before the first hit is taken up again; after it, the stream ends with
/// the error. When it has ended without one, [`RuleTestStream::summary`] says whether there may be
/// more.
pub struct RuleTestStream {
    parts: Pin<Box<dyn Stream<Item = Result<Part>> + Send>>,
    summary: Option<RuleTestSummary>,
}

impl fmt::Debug for RuleTestStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleTestStream")
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}

impl RuleTestStream {
    pub(super) fn new(rules: Rules, test: RuleTest) -> Self {
        let parts = match test.request(&rules) {
            Ok(request) => {
                let reader = Reader {
                    backoff: rules.client.backoff(),
                    rules,
                    request,
                    stream: None,
                    begun: false,
                    token_renewed: false,
                    done: false,
                };
                stream::unfold(reader, |mut reader| async move {
                    let part = reader.next().await?;
                    Some((part, reader))
                })
                .boxed()
            }
            Err(error) => stream::once(async { Err(error) }).boxed(),
        };
        Self {
            parts,
            summary: None,
        }
    }

    /// How many hits there were, whether there may be more, and the filters that the rule became.
    /// `None` as long as the stream has not ended.
    #[must_use]
    pub fn summary(&self) -> Option<&RuleTestSummary> {
        self.summary.as_ref()
    }
}

impl Stream for RuleTestStream {
    type Item = Result<RuleHit>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(self.parts.poll_next_unpin(context)) {
                Some(Ok(Part::Hit(hit))) => return Poll::Ready(Some(Ok(hit))),
                Some(Ok(Part::Summary(summary))) => self.summary = Some(summary),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// Reads the answer.
struct Reader {
    rules: Rules,
    request: TestRuleRequest,
    stream: Option<Streaming<TestRuleResponse>>,
    backoff: Backoff,
    /// Whether a hit was handed out: the answer to another call could have others before it.
    begun: bool,
    token_renewed: bool,
    done: bool,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<Part>> {
        while !self.done {
            match self.advance().await {
                Ok(Some(part)) => {
                    self.begun = true;
                    self.done = matches!(part, Part::Summary(_));
                    return Some(Ok(part));
                }
                // Something that this version of the client does not know.
                Ok(None) => {}
                Err(error) => {
                    self.stream = None;
                    if let Err(error) = self.recover(error).await {
                        self.done = true;
                        return Some(Err(error));
                    }
                }
            }
        }
        None
    }

    /// Reads the next part of the answer.
    async fn advance(&mut self) -> Result<Option<Part>> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(self.rules.open_test(self.request.clone()).await?),
        };
        let answer = stream.message().await?.ok_or_else(|| {
            Error::new(Reason::Unavailable, "the answer ended before its summary")
        })?;
        Ok(answer.result)
    }

    /// Waits until the call can be made again, or returns the error when it can't.
    async fn recover(&mut self, error: Error) -> Result<()> {
        if self.begun {
            return Err(error);
        }
        // A token's end ends streams too.
        if *error.reason() == Reason::Unauthenticated && !self.token_renewed {
            self.token_renewed = true;
            self.rules.client.renew_token().await;
            return Ok(());
        }
        self.backoff.pause(error, Repeat::Safe).await
    }
}

impl Rules {
    async fn open_test(&self, request: TestRuleRequest) -> Result<Streaming<TestRuleResponse>> {
        let rpc = self.rpc();
        self.client
            .stream(Freshness::New, request, |request| {
                let mut rpc = rpc.clone();
                async move { rpc.test_rule(request).await }
            })
            .await
    }
}
