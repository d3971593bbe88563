using System.Collections.Immutable;
using k8s.Models;

namespace NativeKubelet.Core.Containers;

/// <summary>A container's environment and command line, from the image's and the pod's parts (spec 32 §3.1, §3.2).</summary>
public static class ContainerEnvironment
{
    public const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>The variables that the pod declares, in order; a value sees those declared before it.</summary>
    public static ImmutableArray<KeyValuePair<string, string>> Declared(V1Container container)
    {
        Dictionary<string, string> values = [];
        List<string> order = [];
        foreach (V1EnvVar variable in container.Env ?? [])
        {
            string value = VariableExpansion.Expand(variable.Value ?? "", values.GetValueOrDefault);
            if (!values.ContainsKey(variable.Name)) order.Add(variable.Name);
            values[variable.Name] = value;
        }
        return [.. order.Select(name => KeyValuePair.Create(name, values[name]))];
    }

    /// <summary>The whole environment as NAME=value: the image's, overridden by the pod's, completed by what every program expects.</summary>
    /// <param name="home">The user's home from the image's passwd; empty where it is not listed.</param>
    public static ImmutableArray<string> Compose(ImageConfig image, ImmutableArray<KeyValuePair<string, string>> declared, string hostname, bool terminal, string home)
    {
        List<string> names = [];
        Dictionary<string, string> values = [];
        void Set(string name, string value)
        {
            if (!values.ContainsKey(name)) names.Add(name);
            values[name] = value;
        }
        void Complete(string name, string value)
        {
            if (!values.ContainsKey(name)) Set(name, value);
        }

        foreach (string entry in image.Env)
        {
            int equals = entry.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0) Set(entry[..equals], entry[(equals + 1)..]);
        }
        foreach ((string name, string value) in declared) Set(name, value);
        Complete("PATH", DefaultPath);
        Complete("HOSTNAME", hostname);
        if (terminal) Complete("TERM", "xterm");
        if (home.Length > 0) Complete("HOME", home);
        return [.. names.Select(name => $"{name}={values[name]}")];
    }

    /// <summary>command replaces the entry point and drops the image's arguments; args replace those alone.</summary>
    /// <exception cref="ContainerConfigException">Neither the image nor the pod names a program.</exception>
    public static ImmutableArray<string> CommandLine(ImageConfig image, V1Container container, ImmutableArray<KeyValuePair<string, string>> declared)
    {
        Dictionary<string, string> known = new(declared);
        IEnumerable<string> Expanded(IList<string>? words) => (words ?? []).Select(w => VariableExpansion.Expand(w, known.GetValueOrDefault));

        ImmutableArray<string> line = (container.Command is { Count: > 0 }, container.Args is { Count: > 0 }) switch
        {
            (true, _) => [.. Expanded(container.Command), .. Expanded(container.Args)],
            (false, true) => [.. image.Entrypoint, .. Expanded(container.Args)],
            _ => [.. image.Entrypoint, .. image.Cmd],
        };
        return line.IsEmpty
            ? throw new ContainerConfigException($"no command specified: image {container.Image} has neither an entry point nor a command; set command in the pod")
            : line;
    }

    /// <exception cref="ContainerConfigException">
    /// Not absolute, or under /proc after normalising: there an fd that leaked from the runtime would be the container's way out (CVE-2024-21626).
    /// </exception>
    public static string WorkingDirectory(ImageConfig image, V1Container container)
    {
        string wanted = !string.IsNullOrEmpty(container.WorkingDir) ? container.WorkingDir : image.WorkingDir;
        if (wanted.Length == 0) return "/";
        if (wanted[0] != '/') throw new ContainerConfigException($"working directory \"{wanted}\" is not absolute");

        Stack<string> parts = [];
        foreach (string part in wanted.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == ".") continue;
            if (part != "..") parts.Push(part);
            else parts.TryPop(out _);
        }
        string normal = "/" + string.Join('/', parts.Reverse());
        return normal == "/proc" || normal.StartsWith("/proc/", StringComparison.Ordinal)
            ? throw new ContainerConfigException($"working directory \"{wanted}\" is under /proc, where it could reach files of the host; choose another")
            : normal;
    }
}
