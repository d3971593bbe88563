using NativeKubelet.Composition.Start;
using NativeKubelet.Config;

namespace NativeKubelet.Tests.Unit.App.Composition;

public sealed class KernelTunablesTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("nk-sys-").FullName;

    public KernelTunablesTests()
    {
        foreach (string directory in new[] { "vm", "kernel/keys" }) Directory.CreateDirectory(Path.Combine(_root, directory));
        foreach ((string name, string value) in new[]
        {
            ("vm/overcommit_memory", "0"), ("vm/panic_on_oom", "0"), ("kernel/panic", "0"), ("kernel/panic_on_oops", "1"),
            ("kernel/keys/root_maxkeys", "1000000"), ("kernel/keys/root_maxbytes", "25000000"),
        }) File.WriteAllText(Path.Combine(_root, name), value + "\n");
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void What_differs_is_set()
    {
        Assert.Empty(KernelTunables.Apply(protect: false, _root));

        Assert.Equal(("1", "10"), (Read("vm/overcommit_memory"), Read("kernel/panic")));
    }

    [Fact]
    public void Protected_defaults_end_the_start_with_all_that_differs_and_nothing_is_set()
    {
        string message = Assert.Throws<ConfigException>(() => KernelTunables.Apply(protect: true, _root)).Message;

        Assert.Contains("vm/overcommit_memory, expected value: 1, actual value: 0", message, StringComparison.Ordinal);
        Assert.Contains("kernel/panic, expected value: 10, actual value: 0", message, StringComparison.Ordinal);
        Assert.DoesNotContain("oops", message, StringComparison.Ordinal);
        Assert.Equal("0", Read("vm/overcommit_memory"));
    }

    [Fact]
    public void One_that_this_kernel_has_not_is_told_and_the_others_are_set()
    {
        Directory.Delete(Path.Combine(_root, "kernel/keys"), recursive: true);

        Assert.Equal(["kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes"], KernelTunables.Apply(protect: false, _root).Select(r => r.Split('=')[0]));
        Assert.Equal("10", Read("kernel/panic"));
    }

    private string Read(string name) => File.ReadAllText(Path.Combine(_root, name)).Trim();
}
