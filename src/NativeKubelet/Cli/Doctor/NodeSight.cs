using System.Collections.Immutable;
using NativeKubelet.Config;
using NativeKubelet.Linux.Files;
using NativeKubelet.Runtime.Machines;
using NativeKubelet.Runtime.Recovery;

namespace NativeKubelet.Cli.Doctor;

/// <summary>Everything that the doctor looks at, as it was at one moment; the checks are functions of it.</summary>
/// <param name="Root">This program may look everywhere.</param>
/// <param name="AgentRuns">An agent answers in the run directory: ports and locks are in its hands.</param>
/// <param name="MemoryProgramsForbidden">vm.memfd_noexec is 2.</param>
/// <param name="ForeignPods">For which the agent would not start.</param>
public sealed record NodeSight(
    DateTimeOffset Now,
    bool Root,
    bool AgentRuns,
    bool MemoryProgramsForbidden,
    bool SystemdRuns,
    MachineSight Machine,
    ConfigSight Config,
    OciRuntimeSight Runtime,
    NetworkSight Network,
    ImmutableArray<StorageSight> Storage,
    ImmutableArray<PortSight> Ports,
    ImmutableArray<NeighbourSight> Neighbours,
    ImmutableArray<ForeignPod> ForeignPods)
{
    /// <summary>Tags of foreground runs that were killed and left things behind.</summary>
    public ImmutableArray<string> DeadRuns { get; init; } = [];
}

/// <param name="Fault">Why there are no facts; null when there are.</param>
public sealed record MachineSight(MachineFacts? Facts, string? Fault);

/// <param name="Fault">Why there are no options; null when there are.</param>
public sealed record ConfigSight(KubeletOptions? Options, string? Fault);

/// <param name="Path">Null when it was not found.</param>
/// <param name="Fault">Why it was not found, or would not tell its version.</param>
public sealed record OciRuntimeSight(string? Path, string? Version, string? Fault);

/// <param name="Forwards">net.ipv4.ip_forward; null where it cannot be read.</param>
/// <param name="FiltersBridges">br_netfilter is loaded.</param>
/// <param name="NftFault">Why nf_tables does not answer; null when it does.</param>
/// <param name="Cni">Name of the network that is configured; null where none is and the built-in bridge is used.</param>
/// <param name="CniProblems">Of each file that cannot be used, one sentence.</param>
/// <param name="MissingPlugins">Programs that the configured network needs and no directory has.</param>
public sealed record NetworkSight(
    bool? Forwards, bool FiltersBridges, string? NftFault, string? Cni, ImmutableArray<string> CniProblems, ImmutableArray<string> MissingPlugins);

/// <param name="Purpose">What is kept there: "data", "volumes", "logs", "state of this boot".</param>
/// <param name="Path">As configured, perhaps not made yet.</param>
/// <param name="Space">Of the file system that holds it or will; null where it cannot be asked.</param>
public sealed record StorageSight(string Purpose, string Path, FileSystemSpace? Space, string? Fault);

/// <param name="Fault">The kernel's words when it was tried; null when the port is free.</param>
public sealed record PortSight(int Port, string Purpose, string? Fault);

/// <summary>A process that manages containers too.</summary>
/// <param name="Program">The name of its file.</param>
public sealed record NeighbourSight(int Pid, string Program);
