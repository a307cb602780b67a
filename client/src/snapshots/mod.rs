//! Forensic snapshots: what a machine was at one moment, fetched and checked by oneself.
//!
//! The server signs a manifest of what was taken. Whatever is fetched is held against it block by
//! block as it comes, and can be held against it again at any time, with nobody to ask.
//!
//! ```no_run
//! use cordon_client::Client;
//! use cordon_client::snapshots::{ItemDownload, NewSnapshot, check_custody, read_manifest};
//! use cordon_client::statement::PublicKeys;
//!
//! # async fn run(client: Client) -> cordon_client::Result<()> {
//! let keys = PublicKeys::new(&client.identity().signing_keys().await?)?;
//! let snapshots = client.snapshots();
//! let asked = snapshots.create(NewSnapshot::new("i-0123", "Ransom note")).await?;
//! let taken = snapshots.wait(&asked.name).await?;
//! let signed = read_manifest(&snapshots.manifest(&taken.name).await?, &keys)?;
//! for item in &signed.manifest.items {
//!     let list = snapshots.block_list(&taken.name, &item.name, &item.content).await?;
//!     let wanted = ItemDownload {
//!         name: &taken.name,
//!         item: &item.name,
//!         content: &item.content,
//!         list: &list,
//!         path: item.name.as_ref(),
//!         purpose: "To be looked into",
//!     };
//!     snapshots.fetch(wanted, |bytes| println!("{bytes} bytes are there")).await?;
//! }
//! let custody = snapshots.custody(&taken.name).await?;
//! check_custody(&signed, &custody.entries, &custody.head_envelope, &keys)?;
//! # Ok(())
//! # }
//! ```

mod calls;
mod documents;
mod fetch;
mod folder;
mod parts;
mod signed;
mod watch;

pub use cordon_evidence as evidence;
pub use cordon_proto::evidence::snapshot::{Consistency, State};
pub use cordon_proto::evidence::snapshot_hold::Mode;
pub use cordon_proto::evidence::snapshot_item::Kind;
pub use cordon_proto::evidence::{
    AcquisitionProgress, Snapshot, SnapshotFailure, SnapshotHold, SnapshotItem,
};

pub use self::calls::{Snapshots, has_ended, taken};
pub use self::documents::{Custody, write_list};
pub use self::fetch::{Fetched, ItemDownload, partial_path, stored_bytes};
pub use self::folder::{
    CUSTODY_FILE, Folder, HEAD_FILE, ItemResult, MANIFEST_FILE, custody_lines, item_path, list_path,
};
pub use self::parts::{NewHold, NewSnapshot};
pub use self::signed::{
    CheckedCustody, HEAD_PREDICATE_TYPE, SignedManifest, check_custody, read_manifest,
};
pub use self::watch::SnapshotWatch;
use crate::client::Call;

/// A change that has no id to be known again by: whether it was done nobody can tell after a lost
/// connection.
const CHANGE: Call = Call {
    enters: true,
    ..Call::ONCE
};
