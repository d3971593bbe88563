using System.Diagnostics;
using NativeKubelet.Linux.Cgroups;

namespace NativeKubelet.Tests.Node.Stats;

public sealed class CgroupUsageTests
{
    [Fact]
    public async Task A_groups_usage_is_read_from_the_kernel_without_garbage()
    {
        CgroupLayout layout = CgroupLayout.Detect();
        CgroupFs groups = new(layout, TimeProvider.System);
        string group = $"/nk-test-{Guid.NewGuid():N}";
        groups.Create(group + "/leaf");
        try
        {
            using Process sleeper = Process.Start("sleep", "600");
            groups.Attach(group + "/leaf", sleeper.Id);
            using CgroupUsageReader reader = new(layout, group);

            CgroupUsage usage = Assert.NotNull(reader.Read());
            Assert.NotNull(usage.CpuNanoseconds);
            Assert.NotNull(usage.WorkingSet);
            Assert.NotNull(usage.Rss);
            Assert.Equal(1, usage.Pids);

            for (int i = 0; i < 100; i++) reader.Read();
            long before = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < 1000; i++) reader.Read();
            TimeSpan spent = Stopwatch.GetElapsedTime(start);
            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
            TestContext.Current.SendDiagnosticMessage($"one sample of one group: {spent.TotalMicroseconds / 1000:F1} µs");

            Assert.True(await groups.DestroyAsync(group, TestContext.Current.CancellationToken));
            await sleeper.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Null(reader.Read());
        }
        finally
        {
            Assert.True(await groups.DestroyAsync(group, CancellationToken.None));
        }
    }
}
