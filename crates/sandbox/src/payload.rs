//! The release image: a real image with real digests, small enough to be made when asked for.
//!
//! Its one layer holds what tools read of a release: `release-metadata` with the address of the metadata page, and
//! `image-references`. Release controller, signature mirror and registry agree on it because all of them ask here.

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use regatta_kit::Arch;
use regatta_kit::ids::{chance, digest};
use serde_json::{Value, json};
use std::io::Write as _;

use crate::images::release_images;
use crate::scenario::Scenario;

/// Media type of an image's manifest.
pub(crate) const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Media type of a list of manifests.
pub(crate) const MANIFEST_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// Something a registry stores under its digest.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) digest: String,
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Bytes,
}

impl Stored {
    fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self { digest: sha256(&bytes), media_type, bytes: bytes.into() }
    }

    fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type, "size": self.bytes.len(), "digest": self.digest})
    }
}

/// The release image of one architecture.
#[derive(Debug, Clone)]
pub(crate) struct ReleasePayload {
    pub(crate) arch: Arch,
    pub(crate) manifest: Stored,
    pub(crate) config: Stored,
    pub(crate) layer: Stored,
}

impl ReleasePayload {
    /// The release image for `arch`, made for this scenario.
    fn made(scenario: &Scenario, arch: Arch) -> Self {
        let release = scenario.release.to_string();
        let layer = layer(&[
            ("release-manifests/image-references", image_references(scenario, arch)),
            ("release-manifests/release-metadata", release_metadata(scenario)),
        ]);
        let diff = sha256(&layer);
        let layer = Stored::new(LAYER, gzip(&layer));
        let config = json!({
            "architecture": arch.go(), "os": "linux", "created": scenario.start.to_string(),
            "config": {"Labels": {"io.openshift.release": release}},
            "rootfs": {"type": "layers", "diff_ids": [diff]},
        });
        let config = Stored::new(CONFIG, config.to_string().into_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config.descriptor(), "layers": [layer.descriptor()],
        });
        Self { arch, manifest: Stored::new(MANIFEST, manifest.to_string().into_bytes()), config, layer }
    }
}

/// The architectures with an image of their own.
pub(crate) const SINGLE: [Arch; 4] = [Arch::Amd64, Arch::Arm64, Arch::Ppc64le, Arch::S390x];

/// The release image of every architecture, and the list of them. The same bytes for as long as the world lasts.
#[derive(Debug)]
pub(crate) struct Payloads {
    pub(crate) images: [ReleasePayload; 4],
    pub(crate) list: Stored,
}

impl Payloads {
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let images = SINGLE.map(|arch| ReleasePayload::made(scenario, arch));
        let list = Self::list_of(&images);
        Self { images, list }
    }

    /// The image for `arch`; `None` for the list's own.
    pub(crate) fn image(&self, arch: Arch) -> Option<&ReleasePayload> {
        self.images.iter().find(|image| image.arch == arch)
    }

    fn list_of(images: &[ReleasePayload]) -> Stored {
        let manifests: Vec<Value> = images
            .iter()
            .map(|payload| {
                let mut entry = payload.manifest.descriptor();
                entry["platform"] = json!({"architecture": payload.arch.go(), "os": "linux"});
                entry
            })
            .collect();
        let list = json!({"schemaVersion": 2, "mediaType": MANIFEST_LIST, "manifests": manifests});
        Stored::new(MANIFEST_LIST, list.to_string().into_bytes())
    }
}

/// Path of the release's metadata page on the customer portal.
pub(crate) fn metadata_page(scenario: &Scenario) -> String {
    let number = 1000 + chance(0, "metadata-page", &scenario.release.to_string(), 0) % 9000;
    format!("/errata/RHBA-{}:{number}", scenario.release_date.year())
}

fn release_metadata(scenario: &Scenario) -> Value {
    let release = scenario.release;
    let previous: Vec<String> = (release.patch.saturating_sub(3)..release.patch)
        .map(|patch| format!("{}.{patch}", release.stream))
        .collect();
    json!({
        "kind": "cincinnati-metadata-v0", "version": release.to_string(), "previous": previous,
        "metadata": {"description": "", "url": format!("https://access.redhat.com{}", metadata_page(scenario))},
    })
}

fn image_references(scenario: &Scenario, arch: Arch) -> Value {
    let images = release_images(scenario.release).into_iter().filter(|image| image.arch == arch);
    let tags: Vec<Value> = images
        .map(|image| json!({"name": image.name.trim_start_matches("ose-"), "from": {"kind": "DockerImage", "name": image.pull_spec()}}))
        .collect();
    json!({
        "kind": "ImageStream", "apiVersion": "image.openshift.io/v1",
        "metadata": {"name": scenario.release.to_string()}, "spec": {"lookupPolicy": {"local": false}, "tags": tags},
    })
}

/// An uncompressed layer. Owners and times are zero, so that the same content has the same digest.
fn layer(files: &[(&str, Value)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let bytes = content.to_string().into_bytes();
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive
            .append_data(&mut header, path, bytes.as_slice())
            .expect("a vector takes any bytes and the paths are short");
    }
    archive.into_inner().expect("a vector takes any bytes")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(bytes).expect("a vector takes any bytes");
    packer.finish().expect("a vector takes any bytes")
}

fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", digest(bytes, 64))
}
