//! Where machines run: the hypervisors that this server reaches.

use std::sync::Arc;

use cordon_hypervisor::image::{ImageConfig, ImageLimits, Images};
use cordon_hypervisor::nbd::NbdLimits;
use cordon_hypervisor::qemu::{Qemu, QemuConfig};
use cordon_hypervisor::watchdog::WatchdogCommand;
use cordon_hypervisor::{Error, Hypervisor};

use crate::config::{Driver, Hypervisor as Settings};

/// A hypervisor that has an instance.
#[derive(Debug, Clone)]
pub struct Reached {
    /// What the provider calls it, and by which driver it is reached.
    pub name: String,
    /// The driver.
    pub hypervisor: Arc<dyn Hypervisor>,
    /// The highest rate at which it is read, in bytes a second; `u64::MAX` for any.
    pub rate: u64,
}

/// All that this server reaches. One that reaches none leaves snapshots to others.
#[derive(Debug, Default)]
pub struct Hypervisors(Vec<Reached>);

impl Hypervisors {
    /// Sets up the drivers.
    ///
    /// # Errors
    /// When a private folder can't be made, or others can enter it.
    pub fn open(settings: &[Settings]) -> anyhow::Result<Self> {
        let open = |of: &Settings| {
            let hypervisor: Arc<dyn Hypervisor> = match &of.driver {
                Driver::Images { shared, qemu_nbd } => Arc::new(Images::new(ImageConfig {
                    instances: of.instances.clone(),
                    shared: shared.clone(),
                    private: of.private.clone(),
                    qemu_nbd: qemu_nbd.clone(),
                    limits: ImageLimits::default(),
                    nbd: NbdLimits::default(),
                })?),
                Driver::Qemu { store, watchdog } => Arc::new(Qemu::new(QemuConfig::new(
                    of.instances.clone(),
                    of.private.clone(),
                    store.clone(),
                    WatchdogCommand {
                        program: watchdog.clone(),
                        arguments: Vec::new(),
                    },
                ))?),
            };
            Ok(Reached {
                name: format!("{} ({})", of.name, of.driver.word()),
                hypervisor,
                rate: match of.max_bytes_per_second {
                    0 => u64::MAX,
                    rate => rate,
                },
            })
        };
        let opened: Result<Vec<_>, Error> = settings.iter().map(open).collect();
        Ok(Self(opened?))
    }

    #[cfg(test)]
    pub(crate) const fn of_drivers(drivers: Vec<Reached>) -> Self {
        Self(drivers)
    }

    /// The hypervisor that has the instance.
    ///
    /// # Errors
    /// [`Error::NotFound`] when none has it; what the one that has it says of it, if it can't be
    /// described now.
    pub async fn of(&self, instance: &str) -> Result<Reached, Error> {
        let mut last = Error::NotFound("the instance");
        for one in &self.0 {
            match one.hypervisor.describe(instance).await {
                Ok(_) => return Ok(one.clone()),
                // What is no name for one driver may be one for the next.
                Err(Error::NotFound(_) | Error::Invalid(_)) => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}
