//! From a source's record to what each customer may see of it.
//!
//! Everything here is pure: bytes and look-ups go in, rows come out. One record may
//! concern several customers; [`attribute`] makes one row per registered customer, each
//! with a view in which whatever belongs to somebody else is replaced or withheld. Which
//! field names whom is data, one reviewed table per source type in `tables/`.

pub mod attribute;
pub mod azure;
pub mod cloud;
pub mod cloudtrail;
mod credential;
pub mod directory;
pub mod gcp;
pub mod guardduty;
pub mod identity;
pub mod k8s;
pub mod linux_auth;
pub mod ocsf_native;
pub mod openstack;
mod parties;
pub mod render;
pub mod row;
pub mod split;
pub mod table;
pub mod view;
pub mod vpcflow;

pub use attribute::{LONGEST_RECORD, Reject, attribute, content_hash};
pub use credential::credential_uid;
pub use directory::{Directory, Kind, Names};
pub use render::{explain, render_ocsf};
pub use row::{
    Attributed, EventRow, EventRowRef, Reason, SourceType, Status, Withheld, keep_preferred,
};
pub use table::{PartyTable, TableError, check_tables};
