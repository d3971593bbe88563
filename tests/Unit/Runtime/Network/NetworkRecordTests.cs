using System.Collections.Immutable;
using System.Net;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Runtime.Network;
using NativeKubelet.Tests.Unit.Linux.Files;

namespace NativeKubelet.Tests.Unit.Runtime.Network;

public sealed class NetworkRecordTests
{
    private static readonly NetworkRecord Sample = new(NetworkRecord.CurrentVersion, "abc", NetworkState.Ready, "boot", "/run/x/netns/abc", "ns", "pod", "uid", ["10.0.0.2"], "vethabc",
        [new(80, 8080, "TCP", "")], new CniAttachment("net", "{}", [["IgnoreUnknown", "1"]], "{}", null));

    [Fact]
    public void What_is_kept_is_read_back()
    {
        NetworkRecord read = NetworkRecord.TryParse(Sample.ToJson())!;

        Assert.Equal(Encoding.UTF8.GetString(Sample.ToJson()), Encoding.UTF8.GetString(read.ToJson()));
        Assert.Equal(NetworkState.Ready, read.State);
    }

    [Fact]
    public void Every_truncation_is_recognised()
    {
        byte[] whole = Sample.ToJson();

        for (int length = 0; length < whole.Length; length++) Assert.Null(NetworkRecord.TryParse(whole.AsSpan(0, length)));
    }

    [Theory]
    [InlineData("\"version\":1", "\"version\":2")]
    [InlineData("\"sandboxId\":\"abc\"", "\"sandboxId\":\"\"")]
    [InlineData("\"sandboxId\":\"abc\"", "\"sandboxId\":null")]
    [InlineData("\"ips\":[\"10.0.0.2\"]", "\"ips\":null")]
    [InlineData("\"state\":\"Ready\"", "\"state\":\"Perhaps\"")]
    public void A_record_of_another_build_or_hand_is_none(string from, string to)
    {
        string text = Encoding.UTF8.GetString(Sample.ToJson());
        Assert.Contains(from, text);

        Assert.Null(NetworkRecord.TryParse(Encoding.UTF8.GetBytes(text.Replace(from, to))));
    }

    [Fact]
    public void Broken_files_are_set_aside_and_the_others_are_found()
    {
        using TemporaryDirectory directory = new();
        NetworkRecords first = new(directory.Path, NullLogger.Instance);
        first.Save(Sample);
        File.WriteAllText(directory["broken.json"], "{");
        File.WriteAllBytes(directory["stranger.json"], Sample.ToJson());

        NetworkRecords second = new(directory.Path, NullLogger.Instance);

        Assert.Equal("abc", Assert.Single(second.All).SandboxId);
        Assert.Equal(["broken.json.corrupt", "stranger.json.corrupt"], Directory.EnumerateFiles(directory.Path, "*.corrupt").Select(Path.GetFileName).Order());
        second.Forget("abc");
        Assert.Empty(new NetworkRecords(directory.Path, NullLogger.Instance).All);
    }

    [Fact]
    public void Ports_lead_to_addresses_of_their_family_only()
    {
        ImmutableArray<PortForward> forwards = BridgeRules.Forwards("s",
            [new(80, 8080, "TCP", ""), new(81, 8080, "TCP", "192.0.2.1"), new(82, 8080, "UDP", "::"), new(0, 1, "TCP", ""), new(70000, 1, "TCP", "")],
            [IPAddress.Parse("10.0.0.2"), IPAddress.Parse("fd00::2")]);

        Assert.Equal(["80 any 10.0.0.2", "80 any fd00::2", "81 192.0.2.1 10.0.0.2", "82 any fd00::2"],
            forwards.Select(f => $"{f.HostPort} {f.HostAddress?.ToString() ?? "any"} {f.Target}"));
    }

    [Theory]
    [InlineData("a-name-that-is-too-long", null, "--bridge-name")]
    [InlineData("a/b", null, "--bridge-name")]
    [InlineData("a b", null, "--bridge-name")]
    [InlineData("nk0", "10.0.0.0", "--pod-subnet")]
    [InlineData("nk0", "10.0.0.0/31", "--pod-subnet")]
    public void Settings_that_cannot_be_are_refused_before_anything_is_touched(string bridge, string? subnet, string flag) =>
        Assert.StartsWith(flag, Assert.Throws<ArgumentException>(() =>
            new SandboxNetwork(new(bridge, subnet, "", [], "", "/nonexistent"), TimeProvider.System, NullLogger.Instance)).Message);
}
