using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using NativeKubelet.Cli.Doctor;
using NativeKubelet.Config;
using NativeKubelet.Core.Resources;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Runtime.Recovery;

namespace NativeKubelet.Composition.Start;

/// <summary>
/// What must hold before the agent changes anything on the machine. The doctor judges by the same functions, so that it
/// foretells what the start will say.
/// </summary>
internal sealed partial class StartGate(NodePlan plan, TimeProvider time, ILogger log)
{
    private KubeletOptions Options => plan.Options;

    /// <exception cref="ConfigException">The start must not go on; the message says why and what to do.</exception>
    public async Task PassAsync(CancellationToken cancel)
    {
        // Its answer takes longer than all the rest.
        Task<OciRuntimeSight> runtime = OciRuntime.AskAsync(Options.Pods.Runtime, cancel);
        Demand(MachineChecks.Version1(plan.Machine, Options.Cgroups));
        Demand(MachineChecks.Swap(plan.Machine, Options.Pods.FailSwapOn));
        if (!plan.Machine.Cgroups.Unified && Options.Configuration.MemorySwap?.SwapBehavior == "LimitedSwap")
            throw new ConfigException("memorySwap.swapBehavior LimitedSwap needs control groups of version 2, and this host has version 1; set it to NoSwap");
        CgroupFs groups = new(plan.Machine.Cgroups, time);
        Root(groups);
        Neighbours(groups);
        Judge(await runtime);
    }

    private void Root(CgroupFs groups)
    {
        CgroupTree tree = NodeAgent.TreeOf(Options.Cgroups);
        string root = tree.Path(tree.Root);
        // systemd makes slices when it is asked for what is to be in them.
        if (tree.Driver == Core.Resources.CgroupDriver.Cgroupfs && !groups.Exists(root))
            throw new ConfigException($"cgroupRoot {root} does not exist: make it (mkdir /sys/fs/cgroup{root}; on version 1 in each hierarchy), or leave cgroupRoot out");
    }

    private void Neighbours(CgroupFs groups)
    {
        ImmutableArray<ForeignPod> pods = ForeignPods.Find(NodeAgent.TreeOf(Options.Cgroups), groups, Options.Paths);
        if (pods.IsEmpty) return;
        if (!Options.Start.TakeOver) Demand(NeighbourChecks.Foreign(pods));
        StartedBeside(ForeignPods.Describe(pods));
    }

    private void Judge(OciRuntimeSight sight)
    {
        Finding runtime = RuntimeChecks.Of(sight);
        if (runtime.Level == FindingLevel.Fail || (runtime.Level == FindingLevel.Warn && Options.Pods.StrictRuntime))
            throw new ConfigException($"{(Options.Pods.StrictRuntime ? "--strict-runtime: " : "")}{runtime.Sentence}");
        if (runtime.Level == FindingLevel.Warn) RuntimeInDoubt(runtime.Sentence);
        else RuntimeFound(runtime.What);
    }

    private static void Demand(Finding finding)
    {
        if (finding.Level == FindingLevel.Fail) throw new ConfigException(finding.Sentence);
    }

    [LoggerMessage(LogLevel.Warning, "StartedBesideForeignPods: {Processes}; --take-over was given, and they are left alone")]
    private partial void StartedBeside(string processes);

    [LoggerMessage(LogLevel.Warning, "OciRuntimeInDoubt: {Doubt}")]
    private partial void RuntimeInDoubt(string doubt);

    [LoggerMessage(LogLevel.Information, "Container runtime initialized containerRuntime={Runtime}")]
    private partial void RuntimeFound(string runtime);
}
