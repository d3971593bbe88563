using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Objects;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Volumes;
using NativeKubelet.Tests.Unit.Core.Manifests;

namespace NativeKubelet.Tests.Unit.Core.Volumes;

public sealed class ClaimBindingTests
{
    private static readonly NodeFacts Node = new("node", new Dictionary<string, string> { ["kubernetes.io/hostname"] = "node" });

    [Fact]
    public void A_claim_without_any_volume_is_given_a_directory_of_its_own() => Assert.Null(Choose(Claim()).Volume);

    [Theory]
    [InlineData("small", "storage: 1Gi", "", null)]
    [InlineData("fits", "storage: 20Gi", "", "fits")]
    [InlineData("other-class", "storage: 20Gi", "storageClassName: fast", null)]
    [InlineData("elsewhere", "storage: 20Gi", "nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [other]}]}]}}", null)]
    [InlineData("owned", "storage: 20Gi", "claimRef: {name: other}", null)]
    [InlineData("nfs", "storage: 20Gi", "nfs: {server: s, path: /}", null)]
    public void Only_a_volume_that_keeps_every_condition_serves_a_claim(string name, string capacity, string more, string? chosen) =>
        Assert.Equal(chosen, Choose(Claim(), Volume(name, capacity, more)).Volume?.Metadata.Name);

    [Fact]
    public void The_smallest_fitting_volume_is_taken_unless_one_was_made_for_the_claim()
    {
        string[] volumes = [Volume("a-large", "storage: 90Gi"), Volume("z-small", "storage: 10Gi"), Volume("m", "storage: 50Gi", "claimRef: {name: data, namespace: default}")];

        Assert.Equal("m", Choose(Claim(), volumes).Volume?.Metadata.Name);
        Assert.Equal("z-small", Choose(Claim(), volumes[..2]).Volume?.Metadata.Name);
        Assert.Equal("a-large", Choose(Claim(), volumes[..2], taken: "z-small").Volume?.Metadata.Name);
    }

    [Fact]
    public void What_served_a_claim_once_serves_it_for_good()
    {
        string better = Volume("better", "storage: 10Gi"), kept = Volume("kept", "storage: 90Gi");

        Assert.Equal("kept", Choose(Claim(), [better, kept], kept: "kept").Volume?.Metadata.Name);
        Assert.Null(Choose(Claim(), [better], kept: "").Volume);
        Assert.Contains("not defined any more", Assert.Throws<VolumeContentException>(() => Choose(Claim(), [better], kept: "kept")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("volumeName: none", "not found")]
    [InlineData("storageClassName: \"\"", "no PersistentVolume fits")]
    [InlineData("volumeMode: Block", "no PersistentVolume fits the block claim")]
    [InlineData("storageClassName: fast", "no PersistentVolume fits")]
    public void A_claim_that_nothing_serves_says_why(string more, string words) =>
        Assert.Contains(words, Assert.Throws<VolumeContentException>(() => Choose(Claim(more), Volume("of-class", "storage: 1Gi", "storageClassName: fast"))).Message, StringComparison.Ordinal);

    private static ClaimChoice Choose(string claim, params string[] volumes) => Choose(claim, volumes, kept: null);

    private static ClaimChoice Choose(string claim, string[] volumes, string? kept = null, params string[] taken)
    {
        (NodeObjects objects, _, _) = NodeObjects.Empty.Replaced(new[] { claim }.Concat(volumes).SelectMany(Objects));
        return ClaimBinding.Choose(objects.Claim("default", "data")!, objects, kept, taken.ToHashSet(), Node);
    }

    private static IEnumerable<NodeObject> Objects(string yaml)
    {
        DecodedManifest read = Manifest.Decode(yaml);
        Assert.True(read.Valid, string.Join('\n', read.Problems));
        return read.Objects;
    }

    private static string Claim(string more = "") =>
        $"apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data}}\nspec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 5Gi}}}}, {more}}}";

    private static string Volume(string name, string capacity, string more = "") =>
        $"apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: {name}}}\nspec: {{accessModes: [ReadWriteOnce, ReadOnlyMany], capacity: {{{capacity}}}, {(more.Contains("nfs", StringComparison.Ordinal) ? "" : "hostPath: {path: /srv}, ")}{more}}}";
}
