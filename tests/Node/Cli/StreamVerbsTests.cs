using System.Text;
using NativeKubelet.Cli.Streams;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Linux.Terminals;
using NativeKubelet.Tests.Node.Containers;

namespace NativeKubelet.Tests.Node.Cli;

public sealed class StreamVerbsTests
{
    [Fact]
    public async Task Exec_carries_both_outputs_the_end_of_the_input_and_the_exit_code()
    {
        await using CliHost host = await CliHost.StartAsync("sleep 1000");

        Assert.Equal((7, "out\n", "err\n"), await host.PipedAsync("", "exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 7"));
        Assert.Equal((0, "6\n", ""), await host.PipedAsync("abcdef", "exec", "-i", "web", "--", "sh", "-c", "wc -c | tr -d ' '"));
        Assert.Equal((0, "0\n", ""), await host.PipedAsync("not passed on", "exec", "web", "--", "sh", "-c", "wc -c | tr -d ' '"));
        Assert.Equal((137, "", ""), await host.PipedAsync("", "exec", "web", "--", "sh", "-c", "kill -9 $$"));
        Assert.Equal(1, (await host.PipedAsync("", "exec", "web", "--", "no-such-command")).Code);
        string large = new('x', 60_000);
        (int code, string output, _) = await host.PipedAsync(large, "exec", "-i", "web", "--", "sh", "-c", "cat; sleep 1000 &");
        Assert.Equal((0, large), (code, output));
    }

    [Fact]
    public async Task Exec_on_a_terminal_is_raw_meanwhile_follows_its_size_and_restores_it()
    {
        await using CliHost host = await CliHost.StartAsync("sleep 1000");
        using Pty user = new();
        byte[] before = user.Mode;
        Assert.True(Terminal.TrySetSize(user.Inner, new(33, 77)));

        Task<int> exec = host.VerbAsync(new ConsoleEnds(user.Inner, user.Inner, user.Inner), "exec", "-it", "web", "--", "sh", "-c", "echo ready; read line; stty size; echo got $line; exit 5");
        await ExpectAsync(user.Outer, "ready");
        Assert.NotEqual(before, user.Mode);
        OpenedFile.Write(user.Outer, "word\r"u8, "pty");
        string said = await ExpectAsync(user.Outer, "got word");

        Assert.Equal(5, await exec.WaitAsync(RuntimeHost.Deadline()));
        Assert.Contains("33 77", said, StringComparison.Ordinal);
        Assert.Equal(before, user.Mode);
    }

    [Fact]
    public async Task Attach_joins_what_is_written_and_leaves_by_its_keys()
    {
        await using CliHost host = await CliHost.StartAsync("while read line; do echo \"said $line\"; done", pod =>
        {
            pod.Spec.Containers[0].Stdin = true;
            pod.Spec.Containers[0].Tty = true;
        });
        using Pty user = new();
        byte[] before = user.Mode;

        Task<int> attach = host.VerbAsync(new ConsoleEnds(user.Inner, user.Inner, user.Inner), "attach", "-it", "web");
        OpenedFile.Write(user.Outer, "hello\r"u8, "pty");
        await ExpectAsync(user.Outer, "said hello");
        OpenedFile.Write(user.Outer, [0x10, 0x11], "pty");

        Assert.Equal(0, await attach.WaitAsync(RuntimeHost.Deadline()));
        Assert.Equal(before, user.Mode);
        Assert.Equal((0, "alive\n", ""), await host.PipedAsync("", "exec", "web", "--", "echo", "alive"));
    }

    [Fact]
    public async Task Top_leaves_at_q_and_gives_the_terminal_back()
    {
        await using CliHost host = await CliHost.StartAsync("sleep 1000");
        using Pty user = new();
        byte[] before = user.Mode;
        OpenedFile.Write(user.Outer, "q"u8, "pty");

        (int code, string painted) = await host.TopAsync(new ConsoleEnds(user.Inner, user.Inner, user.Inner));

        Assert.Equal(0, code);
        Assert.StartsWith("\e[?1049h", painted, StringComparison.Ordinal);
        Assert.Contains("default/web", painted, StringComparison.Ordinal);
        Assert.EndsWith("\e[?25h\e[?1049l", painted, StringComparison.Ordinal);
        Assert.Equal(before, user.Mode);
    }

    private static async Task<string> ExpectAsync(FileDescriptor terminal, string text)
    {
        Pipe.SetNonBlocking(terminal);
        StringBuilder seen = new();
        byte[] buffer = new byte[1024];
        while (!seen.ToString().Contains(text, StringComparison.Ordinal))
        {
            int count = Pipe.Read(terminal, buffer);
            if (count < 0) await Readiness.Shared.ReadableAsync(terminal, RuntimeHost.Deadline());
            else seen.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }
        return seen.ToString();
    }
}
