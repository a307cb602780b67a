//! Incidents that come from elsewhere. What they say of their past is kept as what they say; what
//! happened here is that they were brought in.

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Actor, Change, CloseCode, Comment, Criterion, Happened, Incident, Origin, Party, Phase,
    Severity, State, Tlp, What, Words,
};

/// An incident as it stands elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Foreign {
    pub(in super::super) title: String,
    pub(in super::super) description: String,
    pub(in super::super) severity: Severity,
    pub(in super::super) phase: Phase,
    /// Why it was closed; `None` for an open one.
    pub(in super::super) code: Option<CloseCode>,
    pub(in super::super) tlp: Tlp,
    pub(in super::super) criteria: Vec<String>,
    pub(in super::super) origin: Origin,
    pub(in super::super) comments: Vec<ForeignComment>,
}

/// What somebody said elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct ForeignComment {
    pub(in super::super) author: String,
    pub(in super::super) created: Option<Timestamp>,
    pub(in super::super) text: String,
}

/// What the place gives to what is brought in.
#[derive(Debug, Clone)]
pub(in super::super) struct Seal {
    pub(in super::super) id: Uuid,
    pub(in super::super) number: i64,
    pub(in super::super) etag: String,
    /// By whom it is brought in, and by which credential.
    pub(in super::super) by: Actor,
    pub(in super::super) credential: String,
    /// An id for each comment; they come in the order of these.
    pub(in super::super) comments: Vec<Uuid>,
    pub(in super::super) now: Timestamp,
}

/// A decided import; only this module makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Import {
    change: Change,
    comments: Vec<Comment>,
}

impl Import {
    /// The incident, and that it was brought in.
    pub(in super::super) fn change(&self) -> &Change {
        &self.change
    }

    /// What came with it.
    pub(in super::super) fn comments(&self) -> &[Comment] {
        &self.comments
    }
}

/// Brings an incident in. Its own times are those of the import. A closed one arrives closed; of
/// an open one the next move is the provider's, who has taken note of nothing yet.
pub(in super::super) fn import(foreign: Foreign, seal: Seal) -> Import {
    let state = match foreign.code {
        Some(_) => State::Closed,
        None => State::Open,
    };
    let happened = Happened {
        actor: seal.by.clone(),
        reason: String::new(),
        what: What::Imported {
            severity: foreign.severity,
            phase: foreign.phase,
            state,
            code: foreign.code,
            comments: foreign.comments.len(),
            origin: foreign.origin.clone(),
        },
    };
    let mut ids = seal.comments;
    ids.sort_unstable();
    let comments = foreign.comments.into_iter().zip(ids);
    let comments = comments.map(|(said, id)| Comment {
        id,
        incident: seal.id,
        author: seal.by.clone(),
        credential: seal.credential.clone(),
        text: said.text,
        created: seal.now,
        updated: seal.now,
        revisions: Vec::new(),
        common: false,
        origin: Some(Origin {
            author: said.author,
            created: said.created,
            ..Origin::default()
        }),
    });
    let comments = comments.collect();
    let criterion = |text| Criterion {
        text,
        customer: None,
        provider: None,
    };
    let incident = Incident {
        id: seal.id,
        number: seal.number,
        severity: foreign.severity,
        phase: foreign.phase,
        state,
        tlp: foreign.tlp,
        pending: match state {
            State::Open => Some(Party::Provider),
            State::Closed => None,
        },
        created: seal.now,
        updated: seal.now,
        acknowledged: None,
        closed: match state {
            State::Open => None,
            State::Closed => Some(seal.now),
        },
        code: foreign.code,
        etag: seal.etag,
        exercise: false,
        words: Words {
            title: foreign.title,
            description: foreign.description,
            criteria: foreign.criteria.into_iter().map(criterion).collect(),
            opened_by: seal.by,
            asked: String::new(),
            provider_wide: false,
            origin: Some(foreign.origin),
        },
    };
    Import {
        change: Change::begun(incident, happened),
        comments,
    }
}
