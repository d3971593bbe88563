using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Api.Local;
using NativeKubelet.Core.Resources;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Cgroups;
using NativeKubelet.Runtime.Stats;
using NativeKubelet.Tests.Node.Stats;
using static NativeKubelet.Tests.Bench.Figures;

namespace NativeKubelet.Tests.Bench;

/// <summary>What one round of the usage sampler costs over the running pods of a node: CPU time of its thread, and garbage.</summary>
public static class Samples
{
    private const int Warmup = 50, Rounds = 20;

    public static void Run(Figures figures, string cgroupRoot, IReadOnlyList<PodDocument> pods)
    {
        Steps time = new();
        CgroupFs groups = new(CgroupLayout.Detect(), time);
        PodCgroups cgroups = new(
            new(CgroupDriver.Cgroupfs, CgroupName.FromCgroupfs(cgroupRoot), PerQos: true), groups, new CgroupfsDriver(groups), new(0, true, []), NullLogger<PodCgroups>.Instance);
        FrozenRuntime runtime = new([.. pods.Select((p, i) => new SandboxState(
            $"s{i}", p.Uid, p.Name, p.Namespace, 0, true, true, [], default,
            [.. p.Containers.Select(c => new ContainerState(c.Id, $"s{i}", c.Name, 0, 0, "", "", "", ContainerPhase.Running, 1, default, null, null, 0, "", "", ""))]))]);
        using UsageSampler sampler = new(runtime, cgroups, time, NullLogger<UsageSampler>.Instance);
        for (int i = 0; i < Warmup; i++) Round();
        double before = ThreadCpu();
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Rounds; i++) Round();
        long garbage = (GC.GetAllocatedBytesForCurrentThread() - allocated) / Rounds;
        double spent = (ThreadCpu() - before) / Rounds;
        UsageSnapshot last = sampler.Current;
        if (last.Pods.Count != pods.Count || last.Containers.Count < pods.Count) throw new InvalidOperationException($"only {last.Pods.Count} of {pods.Count} pods were sampled");
        figures.Add(new($"one sample of {pods.Count} pods: CPU, garbage", $"{Ms(spent)}, {garbage} bytes", "", "5 ms, 0", spent <= 5 && garbage == 0));

        void Round()
        {
            time.Step();
            sampler.Sample();
        }
    }

    private static double ThreadCpu() => long.Parse(File.ReadAllText("/proc/thread-self/schedstat").Split(' ')[0], CultureInfo.InvariantCulture) / 1e6;

    /// <summary>Rounds follow each other at once; for the sampler ten seconds lie between them.</summary>
    private sealed class Steps : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Step() => _now += UsageSampler.Period.Ticks;

        public override long GetTimestamp() => _now;
    }
}
