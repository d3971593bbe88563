using System.Text;
using System.Text.RegularExpressions;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Runtime.Sandboxes;

namespace NativeKubelet.Tests.Node.Holder;

public sealed partial class ContainerTests
{
    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) [FP] ")]
    private static partial Regex Prefix();

    [Theory]
    [InlineData("exit 0", 0)]
    [InlineData("exit 7", 7)]
    public async Task The_exit_code_is_told_and_kept_on_disk(string script, int code)
    {
        await using HolderHost host = await HolderHost.StartAsync();

        (RunResult run, ContainerExited exited) = await host.RunToEndAsync("c1", script);

        Assert.True(run.Pid > 1);
        Assert.Equal((code, 0), (exited.Exit.Code, exited.Exit.Signal));
        Assert.Equal(exited.Exit, HolderExitFile.Read(host.ExitFile("c1")));
        Assert.InRange(exited.Exit.FinishedAt, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow);
    }

    [Fact]
    public async Task A_death_by_signal_is_128_and_more()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        await host.RunAsync("c1", "sleep 1000");

        Assert.True(await host.Holder.SignalAsync("c1", null, 9, HolderHost.Deadline()));
        ContainerExited exited = await host.NextAsync<ContainerExited>();

        Assert.Equal((137, 9), (exited.Exit.Code, exited.Exit.Signal));
        Assert.False(exited.Exit.OomKilled);
        Assert.False(await host.Holder.SignalAsync("c1", null, 9, HolderHost.Deadline()));
    }

    [Fact]
    public async Task Death_for_lack_of_memory_is_noted()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        await host.RunAsync("c1", "a=x; while true; do a=$a$a; done",
            change: spec => spec["linux"]!["resources"]!["memory"] = new System.Text.Json.Nodes.JsonObject { ["limit"] = 8 << 20, ["swap"] = 8 << 20 });

        ContainerExited exited = await host.NextAsync<ContainerExited>();

        Assert.Equal(137, exited.Exit.Code);
        Assert.True(exited.Exit.OomKilled);
    }

    [Fact]
    public async Task A_program_that_does_not_exist_fails_the_start_and_its_words_stay_out_of_the_log()
    {
        await using HolderHost host = await HolderHost.StartAsync();

        RunResult run = await host.Holder.RunContainerAsync(await host.RequestAsync("c1", ["/no/such/program"]), HolderHost.Deadline());

        Assert.False(run.Started);
        Assert.NotEqual(0, run.RuntimeExitCode);
        Assert.Contains("/no/such/program", run.RuntimeError, StringComparison.Ordinal);
        Assert.Equal(0, new FileInfo(host.LogOf("c1")).Length);
        Assert.Empty(await host.Holder.ListAsync(HolderHost.Deadline()));
    }

    [Fact]
    public async Task Every_byte_is_in_the_log_once_long_lines_are_split_and_a_rest_without_its_newline_is_partial()
    {
        await using HolderHost host = await HolderHost.StartAsync();

        await host.RunToEndAsync("c1", "head -c 40000 /dev/zero | tr '\\0' x; echo; printf '\\001\\000\\377\\n\\n'; echo bad >&2; printf end");

        byte[] log = await File.ReadAllBytesAsync(host.LogOf("c1"));
        string[] lines = Encoding.Latin1.GetString(log).Split('\n')[..^1];
        Assert.All(lines, l => Assert.Matches(Prefix(), l));
        string[] stdout = [.. lines.Where(l => l.Contains("Z stdout ", StringComparison.Ordinal)).Select(l => l[38..])];
        Assert.Equal(["P " + new string('x', 16384), "P " + new string('x', 16384), "F " + new string('x', 40000 - 32768), "F \u0001\0\u00ff", "F ", "P end"], stdout);
        Assert.Equal("F bad", lines.Single(l => l.Contains("Z stderr ", StringComparison.Ordinal))[38..]);
    }

    [Fact]
    public async Task No_log_file_is_larger_than_its_ceiling_and_old_ones_go()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        const int ceiling = 10000, files = 3;

        await host.RunToEndAsync("c1", "seq 1 20000", ceiling, files);

        FileInfo[] logs = [.. new DirectoryInfo(Path.GetDirectoryName(host.LogOf("c1"))!).GetFiles().OrderBy(f => f.Name.Length).ThenBy(f => f.Name)];
        Assert.Equal(files, logs.Length);
        Assert.All(logs, f => Assert.InRange(f.Length, 1, ceiling));
        Assert.All(logs.Where(f => f.Name != "0.log"), f => Assert.Matches(@"^0\.log\.\d{8}-\d{6}(-\d{3,})?$", f.Name));
        Assert.All(logs.Where(f => f.Name != "0.log"), f => Assert.InRange(f.Length, ceiling - 50, ceiling));
        int[] numbers = [.. logs.Where(f => f.Name != "0.log").Append(logs.Single(f => f.Name == "0.log"))
            .SelectMany(f => File.ReadAllLines(f.FullName)).Select(l => int.Parse(l[40..]))];
        Assert.Equal(Enumerable.Range(numbers[0], 20000 - numbers[0] + 1), numbers);
    }

    [Fact]
    public async Task A_link_where_the_log_belongs_is_not_followed()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        RunRequest request = await host.RequestAsync("c1", ["/bin/true"]);
        string victim = Path.Combine(host.Directory, "victim");
        File.WriteAllText(victim, "");
        File.CreateSymbolicLink(host.LogOf("c1"), victim);

        await Assert.ThrowsAsync<HolderException>(() => host.Holder.RunContainerAsync(request, HolderHost.Deadline()));

        Assert.Equal(0, new FileInfo(victim).Length);
    }

    [Fact]
    public async Task What_a_dead_agent_did_not_acknowledge_is_told_again_and_after_the_acknowledgement_never()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        (_, ContainerExited first) = await host.RunToEndAsync("c1", "exit 3");

        await host.ReconnectAsync();
        ContainerExited second = await host.NextAsync<ContainerExited>();
        await host.Holder.AcknowledgeAsync(second.Id, HolderHost.Deadline());
        await host.ReconnectAsync();

        Assert.Equal(first, second);
        Assert.Empty(await host.Holder.ListAsync(HolderHost.Deadline()));
        Assert.False(host.Holder.Events.TryRead(out _));
    }

    [Fact]
    public async Task Output_and_exit_while_no_agent_is_connected_are_kept()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        await host.RunAsync("c1", "sleep 0.3; echo alone; exit 5");

        await host.Holder.DisposeAsync();
        await HolderHost.EventuallyAsync(() => HolderExitFile.Read(host.ExitFile("c1")) is not null, "exit file");
        await host.ReconnectAsync();

        Assert.Equal(5, (await host.NextAsync<ContainerExited>()).Exit.Code);
        Assert.EndsWith(" stdout F alone\n", await File.ReadAllTextAsync(host.LogOf("c1")));
    }

    [Fact]
    public async Task Exec_uses_the_callers_fds_and_its_exit_is_told()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        await host.RunAsync("c1", "sleep 1000");
        (FileDescriptor read, FileDescriptor write) = Pipe.Create();
        using FileDescriptor output = read;

        RunResult run;
        using (write)
            (run, _) = await host.Holder.ExecAsync(host.Exec("c1", "e1", "cat; echo from exec; exit 4"), DevNull(), write, write, HolderHost.Deadline());
        ExecExited exited = await host.NextAsync<ExecExited>();

        Assert.True(run.Started);
        Assert.Equal(("e1", 4), (exited.ExecId, exited.Exit.Code));
        byte[] buffer = new byte[100];
        Assert.Equal("from exec\n", Encoding.UTF8.GetString(buffer, 0, Pipe.Read(output, buffer)));
    }

    [Fact]
    public async Task A_program_has_its_three_fds_and_none_of_ours()
    {
        await using HolderHost host = await HolderHost.StartAsync();

        await host.RunToEndAsync("c1", "exec ls /proc/self/fd");

        // The fourth is ls's own, open on the directory that it lists.
        Assert.Equal(["0", "1", "2", "3"], (await File.ReadAllLinesAsync(host.LogOf("c1"))).Select(l => l[40..]));
    }

    [Fact]
    public async Task An_id_in_use_is_refused_and_the_first_one_runs_on()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        await host.RunAsync("c1", "sleep 1000");
        RunRequest again = (await host.RequestAsync("c2", ["/bin/true"])) with { ContainerId = "c1" };

        HolderException e = await Assert.ThrowsAsync<HolderException>(() => host.Holder.RunContainerAsync(again, HolderHost.Deadline()));

        Assert.Equal(Errno.EEXIST, e.Errno);
        Assert.Equal(HolderProcessState.Running, (await host.Holder.ListAsync(HolderHost.Deadline())).Single().State);
    }

    private static Microsoft.Win32.SafeHandles.SafeFileHandle DevNull() => File.OpenHandle("/dev/null");
}
