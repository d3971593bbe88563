using System.Text;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Runtime.Sandboxes;

namespace NativeKubelet.Tests.Unit.Runtime.Sandboxes;

public sealed class HolderProtocolTests
{
    [Fact]
    public async Task Both_sides_agree_on_every_number()
    {
        using FileDescriptor? memory = SealedMemory.TryCreate("nk-holder", HolderLauncher.Program());
        Assert.SkipWhen(memory is null, "vm.memfd_noexec=2 on this host");
        ToolResult described = await ToolRun.RunAsync(
            new SpawnRequest("nk-holder", ["nk-holder", "--describe"]) { Program = memory }, default, 65536, TimeSpan.FromSeconds(20), default);
        Dictionary<string, uint> c = Encoding.UTF8.GetString(described.Output).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ')).ToDictionary(p => string.Join(' ', p[..^1]), p => uint.Parse(p[^1]));

        Assert.Equal(HolderProtocol.Magic, c["NK_MAGIC"]);
        Assert.Equal(HolderProtocol.Major, c["NK_MAJOR"]);
        Assert.Equal(HolderProtocol.Minor, c["NK_MINOR"]);
        Assert.Equal(HolderProtocol.MaxMessage, (int)c["NK_MAX_MESSAGE"]);
        Assert.Equal(HolderProtocol.MaxArguments, (int)c["NK_MAX_ARGS"]);
        Assert.Equal(HolderProtocol.MaxEnvironment, (int)c["NK_MAX_ENV"]);
        Assert.Equal(HolderProtocol.MaxSysctls, (int)c["NK_MAX_SYSCTLS"]);
        Assert.Equal(HolderProtocol.MaxCgroups, (int)c["NK_MAX_CGROUPS"]);
        Assert.Equal(HolderProtocol.MaxId, (int)c["NK_ID_MAX"]);
        Assert.Equal(HolderProtocol.MaxPath, (int)c["NK_PATH_MAX"]);
        Assert.Equal(HolderProtocol.MaxConsolePath, (int)c["NK_CONSOLE_MAX"]);
        Assert.Equal(HolderProtocol.HeaderSize, (int)c["sizeof(struct nk_header)"]);
        Assert.Equal(HolderProtocol.FieldHeaderSize, (int)c["sizeof(struct nk_field)"]);
        Assert.Equal([0u, 4u, 6u, 8u, 12u, 16u], new[] { "magic", "major", "minor", "type", "length", "request" }.Select(f => c[$"nk_header.{f}"]));
        foreach (HolderMessageType type in Enum.GetValues<HolderMessageType>()) Assert.Equal((uint)type, c[CName(type.ToString())]);
        foreach (HolderTag tag in Enum.GetValues<HolderTag>()) Assert.Equal((uint)tag, c[CName(tag.ToString())]);
        foreach (HolderFlags flag in Enum.GetValues<HolderFlags>()) if (flag != 0) Assert.Equal((uint)flag, c[CName(flag.ToString())]);
        foreach (HolderProcessState state in Enum.GetValues<HolderProcessState>()) Assert.Equal((uint)state, c[CName(state.ToString())]);
        Assert.Equal([1u, 2u, 4u, 8u, 16u], new[] { "NET", "IPC", "UTS", "PIDNS", "USER" }.Select(n => c["NK_" + n]));
    }

    private static string CName(string name) =>
        "NK" + string.Concat(name.Select(ch => char.IsUpper(ch) ? "_" + ch : char.ToUpperInvariant(ch).ToString()));

    [Fact]
    public void A_message_reads_back_as_it_was_written()
    {
        ReadOnlyMemory<byte> bytes = new HolderMessageWriter(HolderMessageType.Run)
            .Text(HolderTag.Id, "c1").Number(HolderTag.Flags, 9).Texts(HolderTag.Arg, ["/runc", "", "ü"], 3).Text(HolderTag.Console, null).Finish(77);

        HolderMessage? message = HolderMessage.Decode(bytes.Span);

        Assert.NotNull(message);
        Assert.Equal((HolderMessageType.Run, 77ul, "c1", 9ul), (message.Type, message.Request, message.Text(HolderTag.Id), message.Number(HolderTag.Flags)));
        Assert.Equal(["/runc", "", "ü"], message.Fields.Where(f => f.Tag == HolderTag.Arg).Select(f => f.Text));
    }

    [Fact]
    public void Unknown_fields_of_a_newer_holder_are_skipped()
    {
        byte[] bytes = [.. new HolderMessageWriter(HolderMessageType.Reply).Number((HolderTag)999, 1).Number(HolderTag.Error, 5).Finish(1).Span];

        Assert.Equal(5ul, HolderMessage.Decode(bytes)!.Number(HolderTag.Error));
    }

    [Fact]
    public void Whatever_bytes_arrive_decoding_never_throws()
    {
        Random random = new(4711);
        byte[] good = [.. new HolderMessageWriter(HolderMessageType.Exited).Text(HolderTag.Id, "abc").Number(HolderTag.Code, 1).Number(HolderTag.Entry, 3).Finish(5).Span];
        for (int round = 0; round < 20000; round++)
        {
            byte[] bytes = [.. good.AsSpan(0, random.Next(good.Length + 1))];
            for (int i = random.Next(4); i > 0 && bytes.Length > 0; i--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);

            if (HolderMessage.Decode(bytes) is not { } message) continue;
            _ = HolderConnection.EventOf(message);
            _ = HolderConnection.Entries(message).Count();
        }
    }

    [Fact]
    public void What_cannot_be_said_is_refused_before_it_is_sent()
    {
        HolderMessageWriter writer = new(HolderMessageType.Run);

        Assert.Throws<ArgumentException>(() => writer.Text(HolderTag.Id, "a\0b"));
        Assert.Throws<ArgumentException>(() => writer.Text(HolderTag.Id, new string('x', 80)));
        Assert.Throws<ArgumentException>(() => writer.Text(HolderTag.Console, new string('x', 108)));
        Assert.Throws<ArgumentException>(() => writer.Texts(HolderTag.Arg, new string[257], 256));
        Assert.Throws<ArgumentException>(() => writer.Text(HolderTag.Arg, new string('x', 40000)));
    }

    [Theory]
    [InlineData("net.ipv4.tcp_syncookies", "net/ipv4/tcp_syncookies")]
    [InlineData("net/ipv4/conf/eth0.1/forwarding", "net/ipv4/conf/eth0.1/forwarding")]
    [InlineData("net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding")]
    [InlineData("plain", "plain")]
    public void The_first_separator_of_a_sysctl_decides(string name, string path) => Assert.Equal(path, PauseRequest.SysctlPath(name));

    [Fact]
    public void An_exit_note_is_read_whole_or_not_at_all()
    {
        const string note = "code=0 signal=9 oom=1 lost=0 finished=1600000000123456789\n";

        HolderExit? exit = HolderExitFile.Parse(note);

        Assert.Equal(new HolderExit(137, 9, DateTimeOffset.UnixEpoch.AddTicks(16000000001234567), true, false), exit);
        for (int cut = 0; cut < note.Length; cut++) Assert.Null(HolderExitFile.Parse(note[..cut]));
        Assert.Null(HolderExitFile.Parse("code=x\n"));
        Assert.Null(HolderExitFile.Parse("code=-1 signal=0 oom=0 lost=0 finished=1\n"));
    }
}
