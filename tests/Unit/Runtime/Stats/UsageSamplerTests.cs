using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Core.Resources;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Cgroups;
using NativeKubelet.Runtime.Stats;
using NativeKubelet.Tests.Unit.App.Server.Local;
using NativeKubelet.Tests.Unit.Linux.Files;

namespace NativeKubelet.Tests.Unit.Runtime.Stats;

/// <summary>On a made-up version 2 tree, whose files a test writes as the kernel would.</summary>
public sealed class UsageSamplerTests : IAsyncDisposable
{
    private const string Pod = "/kubepods/besteffort/podu1";
    private static readonly string Container = new('c', 64);

    private readonly TemporaryDirectory _tree = new();
    private readonly FakeTimeProvider _time = new(FakeNode.T0);
    private readonly FakeNode _node = new();
    private readonly UsageSampler _sampler;

    public UsageSamplerTests()
    {
        CgroupFs groups = new(new(CgroupMode.Unified, [new(_tree.Path, Unified: true, [])]), _time);
        PodCgroups cgroups = new(new(CgroupDriver.Cgroupfs, CgroupName.Root), groups, new CgroupfsDriver(groups), new(8L << 30, true, []), NullLogger<PodCgroups>.Instance);
        _sampler = new(_node, cgroups, _time, NullLogger<UsageSampler>.Instance);
        _node.Sandboxes = [Sandbox(ContainerPhase.Running)];
    }

    public async ValueTask DisposeAsync()
    {
        _sampler.Dispose();
        await _node.DisposeAsync();
        _tree.Dispose();
    }

    [Fact]
    public void The_second_sample_gives_a_rate()
    {
        Write(Pod, cpuMicroseconds: 1_000_000);
        Write($"{Pod}/{Container}", cpuMicroseconds: 500_000);

        UsageSnapshot first = _sampler.SampleNow();
        Write(Pod, cpuMicroseconds: 16_000_000);
        Write($"{Pod}/{Container}", cpuMicroseconds: 5_500_000);
        _time.Advance(UsageSampler.Period);
        UsageSnapshot second = _sampler.SampleNow();

        Assert.Null(first.Pods["u1"].NanoCores);
        Assert.Equal(600, first.Pods["u1"].Usage.WorkingSet);
        Assert.Equal(1_500_000_000, second.Pods["u1"].NanoCores);
        Assert.Equal(500_000_000, second.Containers[Container].NanoCores);
        Assert.Equal(FakeNode.T0 + UsageSampler.Period, second.At);
        Assert.Same(second, _sampler.Current);
    }

    [Fact]
    public void Within_a_second_the_last_round_is_the_answer()
    {
        Write(Pod, cpuMicroseconds: 0);
        UsageSnapshot first = _sampler.SampleNow();

        _time.Advance(TimeSpan.FromMilliseconds(999));
        Assert.Same(first, _sampler.SampleNow());

        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.NotSame(first, _sampler.SampleNow());
    }

    [Fact]
    public void A_group_that_is_not_there_has_no_figures_and_harms_no_other()
    {
        Write(Pod, cpuMicroseconds: 1);

        UsageSnapshot now = _sampler.SampleNow();

        Assert.Contains("u1", now.Pods);
        Assert.Empty(now.Containers);
    }

    [Fact]
    public void Ended_containers_and_forgotten_pods_leave_the_figures()
    {
        Write(Pod, cpuMicroseconds: 1);
        Write($"{Pod}/{Container}", cpuMicroseconds: 1);
        Assert.Single(_sampler.SampleNow().Containers);

        _node.Sandboxes = [Sandbox(ContainerPhase.Exited)];
        _time.Advance(UsageSampler.Period);
        UsageSnapshot ended = _sampler.SampleNow();
        _node.Sandboxes = [];
        _time.Advance(UsageSampler.Period);
        UsageSnapshot gone = _sampler.SampleNow();

        Assert.Empty(ended.Containers);
        Assert.Single(ended.Pods);
        Assert.Empty(gone.Pods);
    }

    [Fact]
    public void The_root_counts_used_memory_where_version_2_has_no_file_for_it()
    {
        File.WriteAllText(_tree["memory.stat"], "anon 300\nfile 700\ninactive_file 400\n");

        CgroupUsage node = _sampler.SampleNow().Node.Usage;

        Assert.Equal(1000, node.Memory);
        Assert.Equal(600, node.WorkingSet);
        Assert.True(node.Pids > 0);
    }

    [Fact]
    public async Task The_loop_samples_at_once_and_then_every_ten_seconds()
    {
        using CancellationTokenSource ending = new();
        CancellationToken deadline = TestContext.Current.CancellationToken;
        Task loop = _sampler.RunAsync(ending.Token);

        UsageSnapshot first = await _sampler.NextAsync(UsageSnapshot.Empty, deadline);
        Task<UsageSnapshot> next = _sampler.NextAsync(first, deadline);
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.False(next.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(FakeNode.T0.AddSeconds(10), (await next).At);
        await ending.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => loop);
    }

    [Theory]
    [InlineData(null, 5L, 10, null)]
    [InlineData(5L, null, 10, null)]
    [InlineData(9L, 5L, 10, null)]
    [InlineData(5L, 9L, 0, null)]
    [InlineData(5L, 5L, 10, 0L)]
    [InlineData(0L, 25_000_000_000L, 10, 2_500_000_000L)]
    public void A_rate_needs_two_counts_that_go_forward(long? before, long? after, int seconds, long? rate) =>
        Assert.Equal(rate, CpuRate.NanoCores(before, after, TimeSpan.FromSeconds(seconds)));

    private static SandboxState Sandbox(ContainerPhase phase) => new(
        "s1", "u1", "web", "default", 0, true, true, [], FakeNode.T0,
        [new(Container, "s1", "main", 0, 0, "h", "i", "i", phase, 1, FakeNode.T0, FakeNode.T0, null, 0, "", "", "")]);

    private void Write(string group, long cpuMicroseconds)
    {
        string directory = _tree.Path + group;
        Directory.CreateDirectory(directory);
        File.WriteAllText(directory + "/cpu.stat", $"usage_usec {cpuMicroseconds}\nuser_usec 5\n");
        File.WriteAllText(directory + "/memory.current", "1000\n");
        File.WriteAllText(directory + "/memory.stat", "anon 300\nfile 600\ninactive_file 400\npgfault 9\npgmajfault 1\n");
    }
}
