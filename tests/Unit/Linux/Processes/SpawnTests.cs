using System.Text;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Tests.Unit.Linux.Processes;

public sealed class SpawnTests
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);

    private static Task<ToolResult> Shell(string script, string input = "", int limit = 65536, TimeSpan? deadline = null, CancellationToken cancel = default) =>
        ToolRun.RunAsync(new SpawnRequest("/bin/sh", ["sh", "-c", script]) { Environment = ["PATH=/usr/bin:/bin"] },
            Encoding.UTF8.GetBytes(input), limit, deadline ?? Long, cancel);

    [Fact]
    public async Task Output_error_and_exit_code_come_back()
    {
        ToolResult result = await Shell("cat; echo oops >&2; exit 3", input: "hello");

        Assert.Equal(new ExitStatus(3, 0), result.Exit);
        Assert.Equal("hello", Encoding.UTF8.GetString(result.Output));
        Assert.Equal("oops\n", Encoding.UTF8.GetString(result.Error));
        Assert.False(result.TimedOut);
    }

    [Fact]
    public async Task A_death_by_signal_is_told_apart_from_an_exit()
    {
        ToolResult result = await Shell("kill -SEGV $$");

        Assert.Equal(new ExitStatus(0, 11), result.Exit);
        Assert.Equal(139, result.Exit.ShellCode);
    }

    [Fact]
    public async Task The_deadline_kills_the_whole_group_and_what_was_written_is_kept()
    {
        ToolResult result = await Shell("echo begun; sleep 1000 & sleep 1000", deadline: TimeSpan.FromMilliseconds(300));

        Assert.True(result.TimedOut);
        Assert.Equal(9, result.Exit.Signal);
        Assert.Equal("begun\n", Encoding.UTF8.GetString(result.Output));
    }

    [Fact]
    public async Task Output_beyond_the_limit_is_cut_and_the_program_still_ends()
    {
        ToolResult result = await Shell("head -c 1000000 /dev/zero", limit: 1000);

        Assert.True(result.Exit.Success);
        Assert.True(result.Truncated);
        Assert.Equal(1000, result.Output.Length);
    }

    [Fact]
    public async Task Input_that_nobody_reads_is_no_error()
    {
        ToolResult result = await Shell("exit 0", input: new string('x', 1 << 20));

        Assert.True(result.Exit.Success);
    }

    [Fact]
    public async Task Cancelling_kills_and_throws()
    {
        using CancellationTokenSource cancel = new(TimeSpan.FromMilliseconds(200));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Shell("sleep 1000", cancel: cancel.Token));
    }

    [Fact]
    public async Task The_child_has_its_declared_fds_and_environment_and_nothing_else()
    {
        using FileDescriptor leak = Leak();

        ToolResult fds = await ToolRun.RunAsync(new SpawnRequest("/bin/ls", ["ls", "/proc/self/fd"]), default, 4096, Long, default);
        ToolResult variables = await ToolRun.RunAsync(
            new SpawnRequest("/usr/bin/env", ["env"]) { Environment = ["ONLY=this"] }, default, 4096, Long, default);

        // The fourth is ls's own, open on the directory that it lists. (A shell would add those of its pipelines.)
        Assert.Equal("0\n1\n2\n3\n", Encoding.UTF8.GetString(fds.Output));
        Assert.Equal("ONLY=this\n", Encoding.UTF8.GetString(variables.Output));
    }

    [Fact]
    public void A_program_that_does_not_exist_is_an_error_with_its_path()
    {
        ErrnoException e = Assert.Throws<ErrnoException>(() => Spawn.Start(new SpawnRequest("/no/such/program", ["x"])));

        Assert.Equal(Errno.ENOENT, e.Errno);
        Assert.Equal("/no/such/program", e.Target);
    }

    [Fact]
    public async Task A_program_in_sealed_memory_runs_and_cannot_be_changed()
    {
        using FileDescriptor? memory = SealedMemory.TryCreate("nk-test", File.ReadAllBytes("/bin/true"));
        Assert.SkipWhen(memory is null, "vm.memfd_noexec=2 on this host");

        using PidFd child = Spawn.Start(new SpawnRequest("/bin/true", ["true"]) { Program = memory });

        Assert.True((await child.ReapAsync(CancellationToken.None)).Success);
        Assert.Equal(Errno.EPERM, Assert.Throws<ErrnoException>(() => Pipe.Write(memory, "x"u8)).Errno);
    }

    [Fact]
    public async Task A_signal_to_a_process_that_is_gone_is_answered_with_false()
    {
        using PidFd child = Spawn.Start(new SpawnRequest("/bin/sleep", ["sleep", "1000"]));

        Assert.Null(child.TryReap());
        Assert.True(child.TrySignal(15));
        Assert.Equal(new ExitStatus(0, 15), await child.ReapAsync(CancellationToken.None));
        Assert.False(child.TrySignal(15));
    }

    // An fd without close-on-exec, as careless foreign code would leave it.
    private static FileDescriptor Leak()
    {
        (FileDescriptor read, FileDescriptor write) = Pipe.Create();
        write.Dispose();
        Assert.Equal(0, Mark(read.Number, 2, 0));
        return read;
    }

    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "fcntl")]
    private static extern int Mark(int fd, int command, nint argument);
}
