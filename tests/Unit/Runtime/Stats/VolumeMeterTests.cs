using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Stats;
using NativeKubelet.Tests.Unit.Linux.Files;

namespace NativeKubelet.Tests.Unit.Runtime.Stats;

public sealed class VolumeMeterTests : IDisposable
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly TemporaryDirectory _directory = new();
    private readonly FakeTimeProvider _time = new();
    private readonly VolumeMeter _meter;

    public VolumeMeterTests() => _meter = new(new RuntimePaths(_directory.Path, "", "", "", ""), Minute, _time);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_directory_is_told_by_the_blocks_and_files_that_are_its_own()
    {
        string volume = Volume("u1", "kubernetes.io~empty-dir", "scratch");
        await File.WriteAllBytesAsync(Path.Combine(volume, "file"), new byte[1 << 20], TestContext.Current.CancellationToken);
        Directory.CreateDirectory(Path.Combine(volume, "inner"));
        await File.WriteAllBytesAsync(Path.Combine(volume, "inner", "more"), new byte[1 << 20], TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(Path.Combine(volume, "out"), "/");

        VolumeUsage usage = Assert.Single((await LatestAsync()).Of("u1"));

        Assert.Equal("scratch", usage.Name);
        Assert.InRange(usage.UsedBytes, 2 << 20, (2 << 20) + (64 << 10));
        Assert.Equal(5, usage.InodesUsed);      // itself, two files, a directory, a link that is not followed
        Assert.InRange(usage.AvailableBytes, 1, usage.CapacityBytes);
        Assert.InRange(usage.CapacityBytes, usage.UsedBytes, long.MaxValue);
    }

    [Fact]
    public async Task A_file_with_two_names_and_a_sparse_one_count_what_they_take()
    {
        string volume = Volume("u1", "kubernetes.io~empty-dir", "scratch");
        string file = Path.Combine(volume, "file");
        await File.WriteAllBytesAsync(file, new byte[1 << 20], TestContext.Current.CancellationToken);
        using (FileStream sparse = File.Create(Path.Combine(volume, "sparse"))) sparse.SetLength(1L << 40);
        System.Diagnostics.Process.Start("/bin/ln", [file, Path.Combine(volume, "second")]).WaitForExit();

        VolumeUsage usage = Assert.Single((await LatestAsync()).Of("u1"));

        Assert.InRange(usage.UsedBytes, 1 << 20, (1 << 20) + (64 << 10));
        Assert.Equal(3, usage.InodesUsed);
    }

    [Fact]
    public async Task Every_volume_of_every_pod_is_there_but_images_and_what_is_not_made_yet()
    {
        Volume("u1", "kubernetes.io~empty-dir", "b");
        Volume("u1", "kubernetes.io~secret", "a");
        Volume("u1", "kubernetes.io~image", "shared");
        Volume("u1", "kubernetes.io~configmap", ".half.new");
        Volume("u2", "kubernetes.io~configmap", "c");
        Directory.CreateDirectory(_directory["pods/u3"]);

        VolumeSnapshot now = await LatestAsync();

        Assert.Equal(["a", "b"], now.Of("u1").Select(v => v.Name));
        Assert.Equal(["c"], now.Of("u2").Select(v => v.Name));
        Assert.Empty(now.Of("u3"));
    }

    [Fact]
    public async Task A_minute_long_the_answer_is_the_same_and_costs_nothing()
    {
        Volume("u1", "kubernetes.io~empty-dir", "a");
        VolumeSnapshot first = await LatestAsync();
        Volume("u2", "kubernetes.io~empty-dir", "b");

        _time.Advance(Minute - TimeSpan.FromSeconds(1));
        Assert.Same(first, await LatestAsync());

        _time.Advance(TimeSpan.FromSeconds(1));
        VolumeSnapshot second = await LatestAsync();
        Assert.Single(second.Of("u2"));
        Assert.Same(second, _meter.Current);
    }

    private Task<VolumeSnapshot> LatestAsync() => _meter.LatestAsync(TestContext.Current.CancellationToken);

    private string Volume(string uid, string plugin, string name) => Directory.CreateDirectory(_directory[$"pods/{uid}/volumes/{plugin}/{name}"]).FullName;
}
