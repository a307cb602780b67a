//! Cordon's wire: the messages, clients and servers that are generated from `proto/cordon`.
//!
//! What a message or field means is written in the `.proto` files, from where the documentation
//! here is taken over.

#![allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub)]

/// One module a room and version, named as the protobuf packages are.
pub mod cordon {
    /// Tenants, accounts, sources, credentials, identity.
    pub mod tenants {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("cordon.tenants.v1");
        }
    }
    /// Events.
    pub mod events {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("cordon.events.v1");
        }
    }
    /// What tenants tell of their own.
    pub mod context {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("cordon.context.v1");
        }
    }
    /// Rules and what they found.
    pub mod detection {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("cordon.detection.v1");
        }
    }
    /// Questions to the provider, and their answers.
    pub mod analysis {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("cordon.analysis.v1");
        }
    }
    /// Forensic snapshots.
    pub mod evidence {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("cordon.evidence.v1");
        }
    }
    /// Incidents.
    pub mod incidents {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("cordon.incidents.v1");
        }
    }
    /// What clocks and deadlines are about: a package of its own, since incidents tell of them and
    /// agreements promise them.
    pub mod clocks {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("cordon.clocks.v1");
        }
    }
    /// Agreements and clocks.
    pub mod sla {
        /// Version 1.
        pub mod v1 {
            pub use super::super::clocks::v1::*;

            tonic::include_proto!("cordon.sla.v1");
        }
    }
    /// Reports of incidents.
    pub mod reports {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("cordon.reports.v1");
        }
    }
    /// What is known before anything happens: facts, services, data sources.
    pub mod catalogue {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("cordon.catalogue.v1");
        }
    }
    /// Whether a tenant is ready.
    pub mod readiness {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("cordon.readiness.v1");
        }
    }
    /// The log of what was done with a tenant's data.
    pub mod transparency {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("cordon.transparency.v1");
        }
    }
}

pub use cordon::analysis::v1 as analysis;
pub use cordon::catalogue::v1 as catalogue;
pub use cordon::context::v1 as context;
pub use cordon::detection::v1 as detection;
pub use cordon::events::v1 as events;
pub use cordon::evidence::v1 as evidence;
pub use cordon::incidents::v1 as incidents;
pub use cordon::readiness::v1 as readiness;
pub use cordon::reports::v1 as reports;
pub use cordon::sla::v1 as sla;
pub use cordon::tenants::v1 as tenants;
pub use cordon::transparency::v1 as transparency;

/// The encoded `FileDescriptorSet` of all packages, with imports and comments, for reflection and
/// for tests that walk every method.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
