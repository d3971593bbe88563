using System.Diagnostics;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Tests.Node.Stats;

public sealed class GroupProcessesTests
{
    private const string Holder = "exec 5</dev/null 6</dev/null 9<>/dev/udp/127.0.0.1/9; ulimit -n 321; echo ready; read -r _";

    [Fact]
    public async Task Processes_of_a_group_are_counted_with_their_descriptors_and_sockets()
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "needs bash, which opens sockets by itself");
        CgroupLayout layout = CgroupLayout.Detect();
        CgroupFs groups = new(layout, TimeProvider.System);
        byte[] scratch = new byte[CgroupUsageReader.ScratchBytes];
        string group = $"/nk-test-{Guid.NewGuid():N}";
        groups.Create(group + "/leaf");
        try
        {
            Assert.Equal(default(GroupProcesses), GroupProcesses.Read(layout, group + "/leaf", scratch));
            using Process one = Start(), other = Start();
            foreach (Process process in (Process[])[one, other])
            {
                Assert.Equal("ready", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
                groups.Attach(group + "/leaf", process.Id);
            }

            GroupProcesses read = Assert.NotNull(GroupProcesses.Read(layout, group + "/leaf", scratch));
            Assert.Equal(Witness(one, other), read);
            Assert.True(read is { Count: 2, Descriptors: >= 12, Sockets: >= 2 }, $"{read}");
            Assert.Equal(default(GroupProcesses), GroupProcesses.Read(layout, group, scratch));
            CgroupDetails details = CgroupDetails.Read(layout, group + "/leaf", scratch);
            Assert.Equal((2L, 0L), (details.Threads, details.MostThreads));
            Assert.Equal(321, ProcFs.OpenFilesLimit(one.Id));
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < 100; i++) GroupProcesses.Read(layout, group + "/leaf", scratch);
            TestContext.Current.SendDiagnosticMessage($"{read}: {Stopwatch.GetElapsedTime(start).TotalMicroseconds / 100:F1} µs");

            Assert.True(await groups.DestroyAsync(group, TestContext.Current.CancellationToken));
            Assert.Null(GroupProcesses.Read(layout, group + "/leaf", scratch));
        }
        finally
        {
            Assert.True(await groups.DestroyAsync(group, CancellationToken.None));
        }
    }

    /// <summary>It waits for a line in the shell itself, so that nothing is opened meanwhile.</summary>
    private static Process Start() => Process.Start(new ProcessStartInfo("/bin/bash", ["-c", Holder]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;

    /// <summary>By the framework's own means; descriptors of whoever runs the tests may be among them.</summary>
    private static GroupProcesses Witness(params Process[] all)
    {
        string[] links = [.. all.SelectMany(p => Directory.GetFileSystemEntries($"/proc/{p.Id}/fd")).Select(f => new FileInfo(f).LinkTarget ?? "")];
        return new(all.Length, links.Length, links.Count(l => l.StartsWith("socket:", StringComparison.Ordinal)));
    }
}
