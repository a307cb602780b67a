//! What the room works on.

use std::sync::Arc;

use cordon_kernel::facade::Kernel;

/// The room's service; its methods are spread over the nouns.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) kernel: Arc<Kernel>,
}
