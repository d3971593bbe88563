using System.Net;
using NativeKubelet.Core.Network;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Network;
using NativeKubelet.Tests.Unit.Linux.Files;

namespace NativeKubelet.Tests.Unit.Runtime.Network;

public sealed class AddressLeasesTests : IDisposable
{
    private static readonly Subnet Small = new(IPAddress.Parse("10.0.0.0"), 29);      // .1 is the gateway, .2 to .6 are for pods
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void An_address_that_was_given_back_rests_until_the_others_have_been_used()
    {
        AddressLeases leases = Open();
        Assert.Equal("10.0.0.2", Take(leases, "a"));
        leases.Release(owner => owner == "a");

        Assert.Equal("10.0.0.3", Take(leases, "b"));
        Assert.Equal("10.0.0.4", Take(Open(), "c"));
        Assert.Equal("10.0.0.5", Take(Open(), "d"));
        Assert.Equal("10.0.0.6", Take(Open(), "e"));
        Assert.Equal("10.0.0.2", Take(Open(), "f"));
        Assert.Contains("no address left in pod subnet 10.0.0.0/29: 5 are in use", Assert.Throws<RuntimeException>(() => Take(Open(), "g")).Message);
    }

    [Fact]
    public void Files_read_as_the_host_local_plugin_writes_them()
    {
        Take(Open(), "a");

        Assert.Equal("a\r\neth0", File.ReadAllText(_directory["10.0.0.2"]));
        Assert.Equal("10.0.0.2", File.ReadAllText(_directory["last_reserved_ip.0"]));
    }

    [Fact]
    public void Another_boot_drops_all_leases_and_keeps_the_place_in_the_round()
    {
        Take(Open(), "a");

        Assert.Equal("10.0.0.3", Take(Open("another"), "b"));
        Assert.False(File.Exists(_directory["10.0.0.2"]));
    }

    [Theory]
    [InlineData("last_reserved_ip.0", "no address")]
    [InlineData("last_reserved_ip.0", "255.255.255.255")]
    [InlineData("last_reserved_ip.0", "fe80::1%3")]
    [InlineData("last_reserved_ip.1", "")]
    [InlineData("boot_id", "\0\0")]
    [InlineData("10.0.0.2.bak", "x")]
    [InlineData("readme", "hello")]
    public void Spoiled_files_neither_stop_nor_repeat_anything(string name, string content)
    {
        string first = Take(Open(), "a");
        File.WriteAllText(_directory[name], content);

        string second = Take(Open(), "b");

        Assert.True(name == "boot_id" || first != second);
        Assert.True(Small.Contains(IPAddress.Parse(second)));
    }

    [Fact]
    public void A_lease_that_is_a_directory_or_huge_is_passed_over()
    {
        Take(Open(), "a");
        Directory.CreateDirectory(_directory["10.0.0.3"]);
        File.WriteAllBytes(_directory["10.0.0.4"], new byte[1 << 20]);

        Assert.Null(Record.Exception(() => Open()));
    }

    private AddressLeases Open(string boot = "one") => new(_directory.Path, boot);

    private static string Take(AddressLeases leases, string sandbox) => leases.Take(Small, sandbox).ToString();
}
