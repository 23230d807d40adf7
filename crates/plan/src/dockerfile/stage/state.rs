//! What a stage has come to: layers, configuration, variables.

use coracle_spec::image::{ImageDocument, RootFs};

use super::super::error::Wrong;
use super::super::path;
use super::super::platform;
use super::super::scope::Variables;
use crate::step::StepId;
use crate::target::Arch;

/// Where programs are looked for when an image does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The most variables of a stage, and the most bytes of them. Linux gives a command a quarter of its stack for all, and
/// 128 KiB for one (execve(2)).
const MOST: usize = 4_096;
const MOST_BYTES: usize = 256 << 10;

/// What a stage has come to.
#[derive(Debug, Clone)]
pub(in crate::dockerfile) struct State {
    /// The processors that its programs are for.
    pub(in crate::dockerfile) arch: Arch,
    /// The steps whose layers make its root, lowest first.
    pub(in crate::dockerfile) layers: Vec<StepId>,
    /// The image as it would be now.
    pub(in crate::dockerfile) document: ImageDocument,
    /// The ports that its instructions name, in their order, of TCP alone.
    pub(in crate::dockerfile) ports: Vec<u16>,
    /// What commands have in their environment: the image's variables, and the build's.
    pub(super) variables: Variables,
    /// The build's variables in the order of their declarations, and their values there.
    pub(super) arguments: Vec<(String, Option<String>)>,
    /// Whether a `WORKDIR` of this file has been there.
    pub(super) has_workdir: bool,
    /// How many bytes the variables have.
    size: usize,
    /// How many bytes it has added to the history.
    pub(super) noted: usize,
}

impl State {
    /// Answers what a stage on nothing begins with.
    pub(in crate::dockerfile) fn of_nothing(arch: Arch) -> Self {
        let mut document = ImageDocument {
            architecture: arch.name().to_owned(),
            os: platform::OS.to_owned(),
            ..ImageDocument::default()
        };
        "/".clone_into(&mut document.config.working_dir);
        Self::new(document, Vec::new(), arch)
    }

    /// Answers what a stage on an image begins with.
    pub(super) fn of_image(image: &ImageDocument, layers: Vec<StepId>, arch: Arch) -> Self {
        let mut document = image.clone();
        document.created.clear();
        document.rootfs = RootFs::default();
        // Only the usual variant is taken, which goes without saying.
        document.variant.clear();
        // They run now.
        document.config.on_build.clear();
        Self::new(document, layers, arch)
    }

    fn new(document: ImageDocument, layers: Vec<StepId>, arch: Arch) -> Self {
        Self {
            arch,
            layers,
            document,
            ports: Vec::new(),
            variables: Variables::new(),
            arguments: Vec::new(),
            has_workdir: false,
            size: 0,
            noted: 0,
        }
    }

    /// Answers what a stage on this one begins with.
    pub(super) fn inherited(&self) -> Self {
        let mut state = self.clone();
        state.document.config.on_build.clear();
        state
    }

    /// Makes the configuration that a stage begins with complete.
    pub(super) fn begin(&mut self) {
        let config = &mut self.document.config;
        if config.env.get("PATH").is_none() {
            config.env.set("PATH", PATH);
        }
        if !config.working_dir.is_empty() {
            config.working_dir = path::clean(&config.working_dir);
        }
        let own = config.env.iter();
        self.variables
            .extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    /// Sets a variable that commands see; refuses more than a command can be given.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), Wrong> {
        let old = self.variables.insert(name.to_owned(), value.to_owned());
        self.size += name.len() + value.len();
        self.size -= old.map_or(0, |old| name.len() + old.len()).min(self.size);
        if self.size > MOST_BYTES || self.variables.len() > MOST {
            return Err(Wrong::new(format!(
                "there are more than {MOST} variables, or more than {MOST_BYTES} bytes of them"
            )));
        }
        Ok(())
    }

    /// Answers where commands run.
    pub(super) fn workdir(&self) -> &str {
        match self.document.config.working_dir.as_str() {
            "" => "/",
            path => path,
        }
    }
}
