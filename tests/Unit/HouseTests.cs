using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace NativeKubelet.Tests.Unit;

/// <summary>The house rules of docs/architecture.md, read off the built assemblies' metadata.</summary>
public sealed class HouseTests
{
    private static readonly Dictionary<string, string[]> Rooms = new()
    {
        ["NativeKubelet.Api"] = [],
        ["NativeKubelet.Core"] = ["NativeKubelet.Api"],
        ["NativeKubelet.Linux"] = [],
        ["NativeKubelet.Runtime"] = ["NativeKubelet.Api", "NativeKubelet.Core", "NativeKubelet.Linux"],
        ["nativekubelet"] = ["NativeKubelet.Api", "NativeKubelet.Core", "NativeKubelet.Linux", "NativeKubelet.Runtime"],
    };

    public static TheoryData<string> RoomNames => [.. Rooms.Keys];

    [Theory]
    [MemberData(nameof(RoomNames))]
    public void A_room_references_only_the_rooms_below_it(string room)
    {
        using Metadata metadata = Metadata.Of(room);

        IEnumerable<string> references = metadata.Reader.AssemblyReferences
            .Select(h => metadata.Reader.GetString(metadata.Reader.GetAssemblyReference(h).Name))
            .Where(Rooms.ContainsKey);

        Assert.Empty(references.Except(Rooms[room]));
    }

    [Theory]
    [MemberData(nameof(RoomNames))]
    public void Only_the_Linux_room_calls_native_code(string room)
    {
        if (room == "NativeKubelet.Linux") return;
        using Metadata metadata = Metadata.Of(room);

        IEnumerable<string> imports = metadata.Reader.MethodDefinitions
            .Select(metadata.Reader.GetMethodDefinition)
            .Where(m => m.Attributes.HasFlag(MethodAttributes.PinvokeImpl))
            .Select(m => metadata.Reader.GetString(m.Name));

        Assert.Empty(imports);
    }

    [Fact]
    public void Core_does_no_io_keeps_no_clock_and_starts_no_threads()
    {
        using Metadata metadata = Metadata.Of("NativeKubelet.Core");
        string[] forbidden =
        [
            "System.IO.File", "System.IO.Directory", "System.IO.FileStream", "System.Diagnostics.Process", "System.Diagnostics.Stopwatch",
            "System.Net.Sockets.Socket", "System.Net.Http.HttpClient", "System.Threading.Thread", "System.Threading.Timer",
        ];

        IEnumerable<string> used = metadata.Reader.TypeReferences
            .Select(metadata.Reader.GetTypeReference)
            .Select(t => $"{metadata.Reader.GetString(t.Namespace)}.{metadata.Reader.GetString(t.Name)}");

        Assert.Empty(used.Intersect(forbidden));
        Assert.Empty(metadata.MemberReferences("System.DateTime", "System.DateTimeOffset", "System.Threading.Tasks.Task")
            .Intersect(["get_UtcNow", "get_Now", "get_Today", "Run"]));
    }

    [Fact]
    public void Core_never_changes_a_model_after_decoding()
    {
        // Manifests is the one room that builds models: decoding and defaulting end there.
        using Metadata metadata = Metadata.Of("NativeKubelet.Core");

        IEnumerable<string> setters = metadata.SettersOfModelsOutside("NativeKubelet.Core.Manifests", "NativeKubelet.Core.Pods");

        Assert.Empty(setters);
    }

    [Fact]
    public void Linux_knows_no_word_of_Kubernetes()
    {
        using Metadata metadata = Metadata.Of("NativeKubelet.Linux");

        IEnumerable<string> names = metadata.Reader.TypeDefinitions
            .Select(h => metadata.Reader.GetString(metadata.Reader.GetTypeDefinition(h).Name))
            .Where(n => n.Contains("Pod", StringComparison.Ordinal) || n.Contains("Kube", StringComparison.Ordinal));

        Assert.Empty(names);
    }

    private sealed class Metadata : IDisposable
    {
        private readonly PEReader _pe;

        private Metadata(string path)
        {
            _pe = new PEReader(File.OpenRead(path));
            Reader = _pe.GetMetadataReader();
        }

        public MetadataReader Reader { get; }

        public static Metadata Of(string room) => new(Path.Combine(AppContext.BaseDirectory, room + ".dll"));

        public IEnumerable<string> MemberReferences(params string[] types)
        {
            foreach (MemberReferenceHandle handle in Reader.MemberReferences)
            {
                MemberReference member = Reader.GetMemberReference(handle);
                if (member.Parent.Kind == HandleKind.TypeReference && types.Contains(NameOf((TypeReferenceHandle)member.Parent)))
                    yield return Reader.GetString(member.Name);
            }
        }

        /// <summary>Setters of k8s.Models called by methods whose type is in none of the named namespaces.</summary>
        public IEnumerable<string> SettersOfModelsOutside(params string[] namespaces)
        {
            Dictionary<int, string> setters = [];
            foreach (MemberReferenceHandle handle in Reader.MemberReferences)
            {
                MemberReference member = Reader.GetMemberReference(handle);
                string name = Reader.GetString(member.Name);
                if (member.Parent.Kind == HandleKind.TypeReference && name.StartsWith("set_", StringComparison.Ordinal)
                    && NameOf((TypeReferenceHandle)member.Parent).StartsWith("k8s.Models.", StringComparison.Ordinal))
                    setters[System.Reflection.Metadata.Ecma335.MetadataTokens.GetToken(handle)] = name;
            }

            foreach (TypeDefinitionHandle handle in Reader.TypeDefinitions)
            {
                TypeDefinition type = Reader.GetTypeDefinition(handle);
                TypeDefinition outer = type;
                while (!outer.GetDeclaringType().IsNil) outer = Reader.GetTypeDefinition(outer.GetDeclaringType());
                if (namespaces.Contains(Reader.GetString(outer.Namespace))) continue;
                foreach (MethodDefinitionHandle m in type.GetMethods())
                {
                    MethodDefinition method = Reader.GetMethodDefinition(m);
                    if (method.RelativeVirtualAddress == 0) continue;
                    byte[] il = _pe.GetMethodBody(method.RelativeVirtualAddress).GetILBytes() ?? [];
                    // call and callvirt: one opcode byte (0x28, 0x6F) and a token.
                    for (int i = 0; i + 5 <= il.Length; i++)
                        if (il[i] is 0x28 or 0x6F && setters.TryGetValue(BitConverter.ToInt32(il, i + 1), out string? setter))
                            yield return $"{Reader.GetString(outer.Name)}.{Reader.GetString(method.Name)} calls {setter}";
                }
            }
        }

        public void Dispose() => _pe.Dispose();

        private string NameOf(TypeReferenceHandle handle)
        {
            TypeReference type = Reader.GetTypeReference(handle);
            return $"{Reader.GetString(type.Namespace)}.{Reader.GetString(type.Name)}";
        }
    }
}
