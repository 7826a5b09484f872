//! The container images that a release ships, as the stage advisories list and the catalog grades them.

use regatta_kit::ids::digest;
use regatta_kit::{Arch, Release};

/// An image of the release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseImage {
    /// Its component, such as `ose-etcd`.
    pub name: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// The architecture it was built for.
    pub arch: Arch,
}

impl ReleaseImage {
    /// Where it can be pulled from by digest.
    #[must_use]
    pub fn pull_spec(&self) -> String {
        format!("quay.io/redhat-user-workloads/ocp-art-tenant/art-images@{}", self.digest)
    }
}

const COMPONENTS: [&str; 6] =
    ["ose-cli", "ose-console", "ose-etcd", "ose-haproxy-router", "ose-hyperkube", "ose-installer"];
const ARCHES: [Arch; 2] = [Arch::Amd64, Arch::Arm64];

/// The release's images: the same for a release, whatever the seed.
#[must_use]
pub fn release_images(release: Release) -> Vec<ReleaseImage> {
    let of = |name: &str, arch: Arch| ReleaseImage {
        name: name.to_owned(),
        digest: format!("sha256:{}", digest(format!("{release}/{name}/{arch}").as_bytes(), 64)),
        arch,
    };
    COMPONENTS.iter().flat_map(|name| ARCHES.map(|arch| of(name, arch))).collect()
}
