using System.Text;
using System.Text.Json.Nodes;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Tests.Node.Holder;

public sealed class AttachTests
{
    [Fact]
    public async Task An_attached_client_speaks_with_the_program_and_its_end_of_input_arrives()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        await host.RunAsync("c1", "cat; echo over", stdin: true);
        (FileDescriptor inRead, FileDescriptor inWrite) = Pipe.Create();
        (FileDescriptor outRead, FileDescriptor outWrite) = Pipe.Create();
        using FileDescriptor own = outRead;

        using (inRead)
        using (outWrite)
            await host.Holder.AttachAsync("c1", inRead, outWrite, null, closeStdinAtEof: true, HolderHost.Deadline());
        Pipe.Write(inWrite, "hello\n"u8);
        inWrite.Dispose();

        Assert.Equal("hello\nover\n", await ReadToEndAsync(outRead));
        await host.NextAsync<Runtime.Sandboxes.ContainerExited>();
        Assert.Equal(["hello", "over"], (await File.ReadAllLinesAsync(host.LogOf("c1"))).Select(l => l[40..]));
    }

    [Fact]
    public async Task A_client_whose_input_ends_is_let_go_where_the_programs_stays_open_for_others()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        await host.RunAsync("c1", "cat; echo over", stdin: true);

        await SayAsync("hello\n", closeStdinAtEof: false);
        Assert.EndsWith("over\n", await SayAsync("again\n", closeStdinAtEof: true), StringComparison.Ordinal);

        await host.NextAsync<Runtime.Sandboxes.ContainerExited>();
        Assert.Equal(["hello", "again", "over"], (await File.ReadAllLinesAsync(host.LogOf("c1"))).Select(l => l[40..]));

        async Task<string> SayAsync(string words, bool closeStdinAtEof)
        {
            (FileDescriptor inRead, FileDescriptor inWrite) = Pipe.Create();
            (FileDescriptor outRead, FileDescriptor outWrite) = Pipe.Create();
            using FileDescriptor own = outRead;
            using (inRead)
            using (outWrite)
                await host.Holder.AttachAsync("c1", inRead, outWrite, null, closeStdinAtEof, HolderHost.Deadline());
            Pipe.Write(inWrite, Encoding.UTF8.GetBytes(words));
            inWrite.Dispose();
            return await ReadToEndAsync(outRead);
        }
    }

    [Fact]
    public async Task A_terminal_has_the_size_it_was_given_and_echoes_into_the_log()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        await host.RunAsync("c1", "read line; stty size; echo got $line", tty: true, stdin: true);
        (FileDescriptor inRead, FileDescriptor inWrite) = Pipe.Create();
        (FileDescriptor outRead, FileDescriptor outWrite) = Pipe.Create();
        using FileDescriptor own = outRead, input = inWrite;

        using (inRead)
        using (outWrite)
            await host.Holder.AttachAsync("c1", inRead, outWrite, null, closeStdinAtEof: false, HolderHost.Deadline());
        await host.Holder.ResizeAsync("c1", 33, 111, HolderHost.Deadline());
        Pipe.Write(inWrite, "word\n"u8);

        string seen = await ReadToEndAsync(outRead);
        Assert.Contains("33 111", seen, StringComparison.Ordinal);
        Assert.Contains("got word", seen, StringComparison.Ordinal);
        await host.NextAsync<Runtime.Sandboxes.ContainerExited>();
        Assert.Contains("stdout F got word", await File.ReadAllTextAsync(host.LogOf("c1")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_terminal_that_is_long_in_coming_holds_up_nobody_and_is_taken()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        string come = Path.Combine(host.Directory, "come"), go = Path.Combine(host.Directory, "go");
        // The runtime has connected by the time of its hooks and sends the terminal after them.
        Task<Runtime.Sandboxes.RunResult> run = host.RunAsync("c1", "echo here", tty: true, change: spec => spec["hooks"] = new JsonObject
        {
            ["createRuntime"] = new JsonArray(new JsonObject
            {
                ["path"] = "/bin/sh",
                ["args"] = new JsonArray("sh", "-c", $": >{come}; until test -e {go} || ! test -e {come}; do /bin/busybox usleep 5000; done"),
            }),
        });
        await HolderHost.EventuallyAsync(() => File.Exists(come), "the hook runs");

        using CancellationTokenSource soon = new(TimeLimit.Of(2));
        Assert.Single(await host.Holder.ListAsync(soon.Token));
        File.Create(go).Dispose();

        Assert.True((await run).Started, (await run).RuntimeError);
        await host.NextAsync<Runtime.Sandboxes.ContainerExited>();
        Assert.Contains("stdout F here", await File.ReadAllTextAsync(host.LogOf("c1")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_execs_terminal_is_handed_to_the_agent()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        await host.RunAsync("c1", "sleep 1000");
        using Microsoft.Win32.SafeHandles.SafeFileHandle none = File.OpenHandle("/dev/null");

        (Runtime.Sandboxes.RunResult run, FileDescriptor? terminal) =
            await host.Holder.ExecAsync(host.Exec("c1", "e1", "read x; echo got $x", tty: true), none, none, none, HolderHost.Deadline());

        Assert.True(run.Started);
        Assert.NotNull(terminal);
        using FileDescriptor own = terminal;
        Pipe.Write(terminal, "word\n"u8);
        Assert.Contains("got word", await ReadToEndAsync(terminal), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_does_not_read_is_dropped_and_the_log_is_whole()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        await host.RunAsync("c1", "read go; seq 1 100000", stdin: true);
        (FileDescriptor inRead, FileDescriptor inWrite) = Pipe.Create();
        (FileDescriptor outRead, FileDescriptor outWrite) = Pipe.Create();
        using FileDescriptor own = outRead, input = inWrite;

        using (inRead)
        using (outWrite)
            await host.Holder.AttachAsync("c1", inRead, outWrite, null, closeStdinAtEof: false, HolderHost.Deadline());
        Pipe.Write(inWrite, "go\n"u8);
        await host.NextAsync<Runtime.Sandboxes.ContainerExited>();

        Assert.Equal(100000, File.ReadLines(host.LogOf("c1")).Count());
    }

    private static async Task<string> ReadToEndAsync(FileDescriptor fd)
    {
        Pipe.SetNonBlocking(fd);
        StringBuilder text = new();
        byte[] buffer = new byte[4096];
        try
        {
            while (true)
            {
                int count = Pipe.Read(fd, buffer);
                if (count == 0) return text.ToString();
                if (count > 0) text.Append(Encoding.UTF8.GetString(buffer, 0, count));
                else await Readiness.Shared.ReadableAsync(fd, HolderHost.Deadline());
            }
        }
        catch (ErrnoException e) when (e.Errno == Errno.EIO)
        {
            return text.ToString();     // a terminal's end of file
        }
    }
}
