using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Cgroups;
using NativeKubelet.Runtime.Stats;
using NativeKubelet.Tests.Node.Containers;

namespace NativeKubelet.Tests.Node.Stats;

/// <summary>The sampler against real containers. Rates are measured over the real time between samples.</summary>
public sealed class UsageSamplerTests
{
    private const long OneCpu = 1_000_000_000;

    [Fact]
    public async Task A_busy_loop_uses_what_its_group_says_and_about_one_cpu()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        (_, SandboxState sandbox, ContainerState container) = await host.RunAsync("while :; do :; done");
        using UsageSampler sampler = Sampler(host, TimeProvider.System);

        sampler.Sample();
        double had = CpuSeconds(container.Pid);
        long start = Stopwatch.GetTimestamp();
        await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
        UsageSnapshot after = sampler.SampleNow();
        // On a busy machine nobody gets a whole CPU: what the loop really got is in the process's own account.
        double fair = (CpuSeconds(container.Pid) - had) / Stopwatch.GetElapsedTime(start).TotalSeconds;

        long rate = Assert.NotNull(after.Containers[container.Id].NanoCores);
        Assert.InRange(rate, 0.8 * fair * OneCpu, 1.2 * fair * OneCpu);
        Assert.InRange(Assert.NotNull(after.Pods[sandbox.PodUid].NanoCores), 0.8 * fair * OneCpu, 1.2 * fair * OneCpu);
        Assert.True(after.Node.NanoCores >= 0.8 * rate);
        await host.RemoveAsync(host.Pod("", p => p.Metadata.Uid = sandbox.PodUid));

        double CpuSeconds(int pid)
        {
            string[] fields = File.ReadAllText($"/proc/{pid}/stat").Split(')')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return (long.Parse(fields[11]) + long.Parse(fields[12])) / 100.0;
        }
    }

    [Fact]
    public async Task Fifty_touched_megabytes_are_in_the_working_set()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        // A line of 50 MB held in a shell variable; the log says when it is there.
        (_, SandboxState sandbox, ContainerState container) = await host.RunAsync("x=$(head -c 50000000 /dev/zero | tr '\\0' x); echo held; while :; do sleep 60; done");
        using CancellationTokenSource deadline = new(TimeLimit.Of(60));
        while (!RuntimeHost.Log(container).Contains("held")) await Task.Delay(20, deadline.Token);
        using UsageSampler sampler = Sampler(host, TimeProvider.System);

        // With transparent huge pages 50 MB are a few faults, without them thousands: the shell's own account knows.
        long faults = long.Parse((await File.ReadAllTextAsync($"/proc/{container.Pid}/stat", deadline.Token)).Split(')')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries)[7]);
        UsageSnapshot now = sampler.SampleNow();

        CgroupUsage usage = now.Containers[container.Id].Usage;
        Assert.InRange(Assert.NotNull(usage.WorkingSet), 50_000_000, 250_000_000);
        Assert.InRange(Assert.NotNull(usage.Rss), 50_000_000, 250_000_000);
        Assert.True(faults > 0);
        Assert.InRange(Assert.NotNull(usage.PageFaults), faults * 9 / 10, long.MaxValue);
        Assert.True(now.Pods[sandbox.PodUid].Usage.WorkingSet >= usage.WorkingSet);
        Assert.True(usage.Pids >= 1);
        await host.RemoveAsync(host.Pod("", p => p.Metadata.Uid = sandbox.PodUid));
    }

    [Fact]
    public async Task A_group_that_vanished_is_left_out_and_one_made_anew_is_found()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        (_, SandboxState sandbox, ContainerState container) = await host.RunAsync("sleep 600");
        FakeTimeProvider time = new();
        FrozenRuntime runtime = new(host.Runtime.Sandboxes);
        using UsageSampler sampler = new(runtime, host.Cgroups, time, NullLogger<UsageSampler>.Instance);
        UsageSnapshot first = sampler.SampleNow();
        Assert.Contains(container.Id, first.Containers);
        time.Advance(TimeSpan.FromSeconds(0.9));
        Assert.Same(first, sampler.SampleNow());        // too soon for another round

        await host.RemoveAsync(host.Pod("", p => p.Metadata.Uid = sandbox.PodUid));
        time.Advance(UsageSampler.Period);
        UsageSnapshot gone = sampler.SampleNow();
        await host.Cgroups.EnsurePodAsync(host.Pod("", p => p.Metadata.Uid = sandbox.PodUid), RuntimeHost.Deadline());
        time.Advance(UsageSampler.Period);
        UsageSnapshot again = sampler.SampleNow();

        Assert.Empty(gone.Containers);
        Assert.Empty(gone.Pods);
        Assert.Null(again.Pods[sandbox.PodUid].NanoCores);
        Assert.Empty(again.Containers);
    }

    [Fact]
    public async Task A_round_that_nobody_asked_for_leaves_no_garbage()
    {
        const int pods = 100;
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        CgroupFs groups = new(host.Cgroups.Layout, TimeProvider.System);
        List<SandboxState> sandboxes = [];
        for (int i = 0; i < pods; i++)
        {
            string id = Guid.NewGuid().ToString("N");
            var pod = host.Pod("");
            PodCgroup group = await host.Cgroups.EnsurePodAsync(pod, RuntimeHost.Deadline());
            groups.Create(host.Cgroups.Tree.LeafPath(group.Name, id));
            sandboxes.Add(new("s" + i, pod.Metadata.Uid, "p", "default", 0, true, true, [], default,
                [new(id, "s" + i, "main", 0, 0, "h", "i", "i", ContainerPhase.Running, 1, default, null, null, 0, "", "", "")]));
        }
        FakeTimeProvider time = new();
        using UsageSampler sampler = new(new FrozenRuntime([.. sandboxes]), host.Cgroups, time, NullLogger<UsageSampler>.Instance);
        for (int i = 0; i < 50; i++) Round();

        const int rounds = 100;
        TimeSpan cpu = Process.GetCurrentProcess().TotalProcessorTime;
        long before = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
        for (int i = 0; i < rounds; i++) Round();
        TimeSpan spent = Stopwatch.GetElapsedTime(start);
        long bytes = (GC.GetAllocatedBytesForCurrentThread() - before) / rounds;

        Assert.Equal(pods, sampler.Current.Pods.Count);
        Assert.Equal(pods, sampler.Current.Containers.Count);
        TestContext.Current.SendDiagnosticMessage(
            $"one round of {pods} pods with a container each: {spent.TotalMilliseconds / rounds:F2} ms; process CPU {(Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalMilliseconds / rounds:F2} ms");
        Assert.Equal(0, bytes);

        void Round()
        {
            time.Advance(UsageSampler.Period);
            sampler.Sample();
        }
    }

    private static UsageSampler Sampler(RuntimeHost host, TimeProvider time) => new(host.Runtime, host.Cgroups, time, NullLogger<UsageSampler>.Instance);
}
