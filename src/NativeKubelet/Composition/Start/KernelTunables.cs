using System.Globalization;
using NativeKubelet.Config;

namespace NativeKubelet.Composition.Start;

/// <summary>The kernel settings that a kubelet expects (spec 40 §2): memory may be promised freely, and a kernel that broke starts anew.</summary>
internal static class KernelTunables
{
    private static readonly (string Name, long Value)[] Wanted =
    [
        ("vm/overcommit_memory", 1), ("vm/panic_on_oom", 0), ("kernel/panic", 10), ("kernel/panic_on_oops", 1),
        ("kernel/keys/root_maxkeys", 1_000_000), ("kernel/keys/root_maxbytes", 25_000_000),
    ];

    /// <param name="protect">protectKernelDefaults: what differs ends the start instead of being changed.</param>
    /// <param name="root">/proc/sys.</param>
    /// <returns>A sentence for each that could not be set: pods run all the same.</returns>
    /// <exception cref="ConfigException">Protected, and some differ.</exception>
    public static IReadOnlyList<string> Apply(bool protect, string root)
    {
        List<string> differing = [], refused = [];
        foreach ((string name, long value) in Wanted)
        {
            string path = Path.Combine(root, name);
            try
            {
                string found = File.ReadAllText(path).Trim();
                if (found == value.ToString(CultureInfo.InvariantCulture)) continue;
                if (protect) differing.Add($"invalid kernel flag: {name}, expected value: {value}, actual value: {found}");
                else File.WriteAllText(path, value.ToString(CultureInfo.InvariantCulture));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                refused.Add($"{name}={value}: {e.Message}");
            }
        }
        if (differing.Count == 0) return refused;
        throw new ConfigException($"protectKernelDefaults is true and the kernel is set otherwise: [{string.Join(", ", differing)}]; set these (sysctl), or protectKernelDefaults to false");
    }
}
