//! In: a program, the folder of its run, its limits. Out: what the child does to itself before the program starts.
//! Guarantee: what a child may do is settled before it exists; should one of the steps fail, it does not start.
//!
//! Why here: this is the one place of the program with `unsafe`, since what runs between fork and exec must not allocate
//! or lock. All memory is prepared before; in between there are calls of the kernel only.
use super::error::Trouble;
use super::folder::Folder;
use super::{Limits, Unconfined};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// The error number of a child that could not be confined; no exec gives it.
#[cfg(target_os = "linux")]
pub(super) const NOT_CONFINED: i32 = libc::EOPNOTSUPP;
/// Nothing confines here, so nothing fails to.
#[cfg(not(target_os = "linux"))]
pub(super) const NOT_CONFINED: i32 = i32::MAX;

/// Files that a child may have open at once: a chart's are read one by one.
const FILES_MAX: u64 = 1024;

/// The largest file that a child may write: caches of what it parsed.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Programs in Go and Java reserve far more addresses than they use.
const ADDRESSES_BEYOND_MEMORY: u64 = 64 << 30;

/// What a child does to itself.
#[derive(Debug)]
pub(super) struct Confinement {
    resources: Vec<(Resource, u64)>,
    #[cfg(target_os = "linux")]
    kernel: Option<linux::Kernel>,
}

impl Confinement {
    /// Prepares all that needs memory.
    pub(super) fn prepare(
        program: &Path,
        folder: &Folder,
        limits: Limits,
        unconfined: Unconfined,
    ) -> Result<Self, Trouble> {
        let resources = resources(limits);
        #[cfg(target_os = "linux")]
        {
            let kernel = match (linux::Kernel::prepare(program, folder), unconfined) {
                (Ok(kernel), _) => Some(kernel),
                (Err(_), Unconfined::Accepted) => None,
                (Err(why), Unconfined::Refused) => return Err(why),
            };
            Ok(Self { resources, kernel })
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (program, folder);
            match unconfined {
                Unconfined::Accepted => Ok(Self { resources }),
                Unconfined::Refused => Err(Trouble::Unconfined("this system has neither Landlock nor seccomp".into())),
            }
        }
    }

    /// What a child does where nothing confines it, for showing what is refused else.
    #[cfg(test)]
    pub(super) fn of_limits(limits: Limits) -> Self {
        Self {
            resources: resources(limits),
            #[cfg(target_os = "linux")]
            kernel: None,
        }
    }

    /// Makes the child confine itself before its program starts.
    #[expect(unsafe_code, reason = "a child is confined between fork and exec, which is what this call is for")]
    pub(super) fn bind(mut self, command: &mut Command) {
        let enter = move || self.enter();
        // SAFETY: `enter` only calls the kernel: it takes no lock and no memory, and what it holds was made before.
        unsafe { command.pre_exec(enter) };
    }

    fn enter(&mut self) -> io::Result<()> {
        for (resource, most) in &self.resources {
            setrlimit(*resource, Rlimit { current: Some(*most), maximum: Some(*most) })?;
        }
        #[cfg(target_os = "linux")]
        if let Some(kernel) = self.kernel.as_mut() {
            kernel.enter().map_err(|()| io::Error::from_raw_os_error(NOT_CONFINED))?;
        }
        Ok(())
    }
}

fn resources(limits: Limits) -> Vec<(Resource, u64)> {
    vec![
        // What is written to counts, not what is reserved; addresses only bound what this does not count.
        (Resource::Data, limits.memory_bytes),
        (Resource::As, limits.memory_bytes.saturating_add(ADDRESSES_BEYOND_MEMORY)),
        // Of all threads together; the clock ends it earlier as a rule.
        (Resource::Cpu, limits.time.as_secs().saturating_mul(8).max(1)),
        (Resource::Nofile, FILES_MAX),
        (Resource::Fsize, FILE_BYTES_MAX),
        (Resource::Core, 0),
    ]
}

/// Landlock and seccomp.
#[cfg(target_os = "linux")]
mod linux {
    use super::super::error::Trouble;
    use super::super::folder::Folder;
    use landlock::{
        ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated,
        RulesetCreatedAttr, RulesetError, Scope,
    };
    use rustix::process::{Signal, set_parent_process_death_signal};
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
        TargetArch, apply_filter,
    };
    use std::collections::BTreeMap;
    use std::os::fd::OwnedFd;
    use std::path::Path;

    /// Where the libraries of programs are that are not linked as a whole.
    const LIBRARIES: [&str; 6] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/nix/store", "/etc/ld.so.cache"];

    /// What holds nothing and is asked for by every run time.
    const DEVICES: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"];

    /// What a child may not ask of the kernel, whatever the arguments: a connection, by the ring of `io_uring` too; another
    /// process, its memory or its keys; another view of the system; a session that its group's end would not reach.
    const REFUSED: [i64; 30] = [
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
        libc::SYS_kcmp,
        libc::SYS_kill,
        libc::SYS_setsid,
        libc::SYS_setpgid,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
    ];

    /// What tells calls of the x32 interface.
    #[cfg(target_arch = "x86_64")]
    const X32: i64 = 0x4000_0000;

    /// What the kernel holds a child to.
    #[derive(Debug)]
    pub(super) struct Kernel {
        ruleset: Option<RulesetCreated>,
        refusals: BpfProgram,
        unknown: BpfProgram,
    }

    impl Kernel {
        pub(super) fn prepare(program: &Path, folder: &Folder) -> Result<Self, Trouble> {
            let ruleset = ruleset(program, folder).map_err(|error| match error {
                Refused::Absent => Trouble::Absent,
                Refused::Ruleset(error) => Trouble::Unconfined(format!("Landlock: {error}")),
            })?;
            let Some(ruleset) = ruleset else {
                return Err(Trouble::Unconfined("this kernel has no Landlock".into()));
            };
            let seccomp = |error: seccompiler::BackendError| Trouble::Unconfined(format!("seccomp: {error}"));
            Ok(Self {
                ruleset: Some(ruleset),
                refusals: refusals().map_err(seccomp)?,
                unknown: unknown().map_err(seccomp)?,
            })
        }

        /// Confines the calling process, which is the child.
        pub(super) fn enter(&mut self) -> Result<(), ()> {
            // Who is killed does not clean up: the child must not outlive the thread that waits for it.
            set_parent_process_death_signal(Some(Signal::KILL)).map_err(drop)?;
            let ruleset = self.ruleset.take().ok_or(())?;
            // The error is forgotten, not dropped: a drop could free memory.
            ruleset.restrict_self().map(drop).map_err(std::mem::forget)?;
            apply_filter(&self.unknown).map_err(std::mem::forget)?;
            apply_filter(&self.refusals).map_err(std::mem::forget)
        }
    }

    enum Refused {
        Absent,
        Ruleset(RulesetError),
    }

    impl<E: Into<RulesetError>> From<E> for Refused {
        fn from(error: E) -> Self {
            Self::Ruleset(error.into())
        }
    }

    /// Returns the rights to files; nothing where the kernel knows none.
    fn ruleset(program: &Path, folder: &Folder) -> Result<Option<RulesetCreated>, Refused> {
        let abi = ABI::V7; // what is newer only adds kinds of access; an older kernel leaves out what it does not know
        let known =
            Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(AccessFs::from_all(abi))?;
        let is_there: Option<OwnedFd> = known.create()?.into();
        if is_there.is_none() {
            return Ok(None);
        }
        let ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(abi))?
            .scope(Scope::from_all(abi))?
            .create()?;
        let execute = AccessFs::ReadFile | AccessFs::Execute;
        let open = |path: &Path| PathFd::new(path).map_err(|_| Refused::Absent);
        let mut ruleset = ruleset
            .add_rule(PathBeneath::new(open(program)?, execute))?
            .add_rule(PathBeneath::new(open(folder.files())?, AccessFs::ReadFile | AccessFs::ReadDir))?
            .add_rule(PathBeneath::new(open(folder.home())?, AccessFs::from_all(abi) & !AccessFs::Execute))?;
        for path in LIBRARIES {
            // An absent one is needed by nobody.
            let Ok(opened) = PathFd::new(path) else { continue };
            let access = if Path::new(path).is_dir() { execute | AccessFs::ReadDir } else { execute };
            ruleset = ruleset.add_rule(PathBeneath::new(opened, access))?;
        }
        for path in DEVICES {
            let Ok(opened) = PathFd::new(path) else { continue };
            ruleset = ruleset.add_rule(PathBeneath::new(opened, AccessFs::ReadFile | AccessFs::WriteFile))?;
        }
        Ok(Some(ruleset))
    }

    /// Returns the filter of what is refused.
    fn refusals() -> Result<BpfProgram, seccompiler::BackendError> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> = REFUSED.into_iter().map(|call| (call, Vec::new())).collect();
        // A thread is a clone, too; what is no thread is a process.
        let thread = u64::try_from(libc::CLONE_THREAD).unwrap_or_default();
        let is_process = SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(thread), 0)?;
        rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![is_process])?]);
        #[cfg(target_arch = "x86_64")]
        rules.extend([(libc::SYS_fork, Vec::new()), (libc::SYS_vfork, Vec::new())]);
        // The same calls by the numbers of the x32 interface, which some kernels answer.
        #[cfg(target_arch = "x86_64")]
        for call in rules.keys().copied().collect::<Vec<_>>() {
            rules.insert(call | X32, Vec::new());
        }
        filter(rules, libc::EPERM)
    }

    /// Returns the filter of what is said not to be there, so that the older call is made, whose arguments can be seen.
    fn unknown() -> Result<BpfProgram, seccompiler::BackendError> {
        filter(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)
    }

    fn filter(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: i32) -> Result<BpfProgram, seccompiler::BackendError> {
        let errno = u32::try_from(errno).unwrap_or_default();
        let machine = TargetArch::try_from(std::env::consts::ARCH)?;
        SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno), machine)?.try_into()
    }
}
