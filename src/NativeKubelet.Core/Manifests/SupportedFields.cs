using System.Collections.Immutable;
using System.Text.Json;
using k8s.Models;
using NativeKubelet.Api.Kubernetes;

namespace NativeKubelet.Core.Manifests;

/// <summary>
/// Which fields of a pod this build acts on. What it does not act on is refused by name: a pod must not run with more
/// rights, or otherwise, than it asked for. A field that has no row is refused too, so that a newer model cannot slip one in.
/// </summary>
public static class SupportedFields
{
    private static readonly Node Root = Build();

    /// <summary>What keeps containers of this pod from being started; empty when all of it can be acted on.</summary>
    public static ImmutableArray<RefusedField> Refused(V1Pod pod)
    {
        using JsonDocument json = JsonDocument.Parse(KubernetesJson.Write(pod));
        ImmutableArray<RefusedField>.Builder found = ImmutableArray.CreateBuilder<RefusedField>();
        new Search(pod, StaticPodIdentity.IsFromApi(pod), found).Walk(json.RootElement, Root, covered: false, "");
        return found.ToImmutable();
    }

    /// <summary>The message with which a container waits as CreateContainerConfigError; null when it may start.</summary>
    public static string? Refusal(V1Pod pod, string container)
    {
        List<RefusedField> own = [.. Refused(pod).Where(f => f.Container.Length == 0 || f.Container == container)];
        return own.Count == 0 ? null : $"the container is not started, as the pod asks for what this version does not do: {string.Join("; ", own)}";
    }

    /// <summary>The row that decides on a field, for documentation and tests; null: refused as unknown.</summary>
    public static FieldRule? RuleFor(ReadOnlySpan<string> names)
    {
        Node? node = Root;
        FieldRule? last = null;
        foreach (string name in names)
        {
            node = node.Child(name);
            if (node is null) return last;
            last = node.Rule ?? last;
        }
        return last;
    }

    /// <param name="joined">The pod is one of a cluster.</param>
    private sealed class Search(V1Pod pod, bool joined, ImmutableArray<RefusedField>.Builder found)
    {
        /// <param name="covered">A row above accepted all that has no row of its own.</param>
        public void Walk(JsonElement value, Node node, bool covered, string path)
        {
            if (node.Rule is { } rule)
            {
                bool empty = value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0;
                if (!empty && !Accepts(rule, value))
                {
                    found.Add(new(path, ContainerOf(path), rule.Note));
                    return;
                }
                covered = true;
            }
            if (node.IsLeaf && covered) return;
            if (value.ValueKind == JsonValueKind.Array)
            {
                int i = 0;
                foreach (JsonElement item in value.EnumerateArray()) Walk(item, node, covered, $"{path}[{i++}]");
            }
            else if (value.ValueKind == JsonValueKind.Object)
            {
                foreach (JsonProperty field in value.EnumerateObject())
                {
                    string at = path.Length == 0 ? field.Name : field.Name.AsSpan().ContainsAny('.', '/') ? $"{path}[{field.Name}]" : $"{path}.{field.Name}";
                    if (node.Child(field.Name) is { } child) Walk(field.Value, child, covered, at);
                    else if (!covered) found.Add(new(at, ContainerOf(at), "not known to this version"));
                }
            }
        }

        private bool Accepts(FieldRule rule, JsonElement value) => rule.EffectFor(joined) switch
        {
            FieldEffect.Refused => false,
            FieldEffect.Works when rule.Only.Length > 0 => rule.Only.Contains(value.ValueKind == JsonValueKind.String ? value.GetString() : value.GetRawText()),
            _ => true,
        };

        private string ContainerOf(string path)
        {
            int open = path.IndexOf('[', StringComparison.Ordinal);
            Func<int, string>? name = path[..Math.Max(0, open)] switch
            {
                "spec.containers" => i => pod.Spec.Containers[i].Name,
                "spec.initContainers" => i => pod.Spec.InitContainers[i].Name,
                "spec.ephemeralContainers" => i => pod.Spec.EphemeralContainers[i].Name,
                _ => null,
            };
            if (name is null) return "";
            ReadOnlySpan<char> number = path.AsSpan((open + 1)..path.IndexOf(']', StringComparison.Ordinal));
            return name(int.Parse(number, System.Globalization.CultureInfo.InvariantCulture));
        }
    }

    private static Node Build()
    {
        Node root = new();
        foreach (FieldRule rule in FieldTable.Rows)
        {
            Node node = root;
            foreach (string name in Names(rule.Path)) node = node.Make(name);
            node.Rule = rule;
        }
        root.Make("spec").Alias("initContainers", "containers");
        root.Make("spec").Extend("ephemeralContainers", "containers");
        return root;
    }

    /// <summary>spec.volumes[].emptyDir → spec, volumes, emptyDir; limits[example.com/x] → limits, example.com/x.</summary>
    private static IEnumerable<string> Names(string path)
    {
        int at = 0;
        while (at < path.Length)
        {
            if (path[at] == '[')
            {
                int close = path.IndexOf(']', at);
                if (close > at + 1) yield return path[(at + 1)..close];
                at = close + 1;
                continue;
            }
            if (path[at] == '.') at++;
            int end = path.AsSpan(at).IndexOfAny('.', '[') is var length and >= 0 ? at + length : path.Length;
            yield return path[at..end];
            at = end;
        }
    }

    private sealed class Node
    {
        private readonly Dictionary<string, Node> _exact = new(StringComparer.Ordinal);
        private readonly List<(string Prefix, Node Node)> _prefixes = [];

        public FieldRule? Rule { get; set; }

        public bool IsLeaf => _exact.Count == 0 && _prefixes.Count == 0;

        public Node? Child(string name)
        {
            if (_exact.TryGetValue(name, out Node? exact)) return exact;
            foreach ((string prefix, Node node) in _prefixes)
                if (name.StartsWith(prefix, StringComparison.Ordinal)) return node;
            return null;
        }

        /// <summary>What is below one name is below the other too, under the same rules.</summary>
        public void Alias(string name, string of) => _exact[name] = _exact[of];

        /// <summary>As <see cref="Alias"/>, beside rows of its own. Of the list itself its fields decide: where it may be set is validated.</summary>
        public void Extend(string name, string with)
        {
            Node node = _exact[name];
            node.Rule = null;
            foreach ((string field, Node rules) in _exact[with]._exact) node._exact.TryAdd(field, rules);
            node._prefixes.AddRange(_exact[with]._prefixes);
        }

        public Node Make(string name)
        {
            if (!name.EndsWith('*')) return _exact.TryGetValue(name, out Node? known) ? known : _exact[name] = new Node();
            Node node = new();
            _prefixes.Add((name[..^1], node));
            return node;
        }
    }
}
