"""The names that pickles of ordinary models need, and what each may be used for.

All else is refused: a list of what is dangerous would always be too short. Nothing comes onto the
list that runs, imports, opens or evaluates what it is given; look at `__new__`, `__init__` and
`__setstate__` of a class before you add it (scipy.stats' distributions evaluate their state, for
one, and are not here).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, TypeAlias

from muniment.scanning.pickles import arguments
from muniment.scanning.pickles.values import Global

Arguments: TypeAlias = Callable[[tuple[object, ...]], bool]


@dataclass(frozen=True, slots=True)
class Use:
    """What a name may be used for, beside being mentioned.

    `make`: an instance is made by its `__new__`, and its state set. `call`: it is called with
    arguments that this accepts. `items`: entries are put into what came of it.
    """

    make: bool = False
    call: Arguments | None = None
    items: bool = False


_MENTION: Final = Use()
_MAKE: Final = Use(make=True)
_PLAIN: Final = Use(make=True, call=arguments.plain)
_BUNCH: Final = Use(make=True, items=True)


def use_of(name: Global) -> Use | None:
    """Return what a name may be used for; None if it is not on the list."""
    exact = _exact().get(name)
    if exact is not None:
        return exact
    package = ".".join(name.module.split(".")[:2])
    if name.name in _classes().get(package, ()):
        return _BUNCH if name.name == "Bunch" else _PLAIN
    return None


@cache
def _classes() -> dict[str, frozenset[str]]:
    """Return classes of scikit-learn and PyTorch by sub-package: their modules move and split.

    All are the libraries' own, of which models are made; see the rule above.
    """
    text = files(__package__).joinpath("classes.txt").read_text(encoding="utf-8")
    found: dict[str, set[str]] = {}
    package = ""
    for line in text.splitlines():
        if line.startswith(" "):
            found[package] |= set(line.split())
        else:
            package = line
            found[package] = set()
    return {name: frozenset(classes) for name, classes in found.items()}


@cache
def _exact() -> dict[Global, Use]:
    return {
        Global(module, name): use
        for modules, names, use in _TABLE
        for module in modules.split()
        for name in names.split()
    } | dict(_numpy_names())


def _numpy_names() -> Iterator[tuple[Global, Use]]:
    for core in ("numpy.core", "numpy._core"):
        module = f"{core}.multiarray"
        yield Global(module, "_reconstruct"), Use(call=arguments.reconstruct)
        yield Global(module, "scalar"), Use(call=arguments.scalar)
        yield Global(f"{core}.numeric", "_frombuffer"), Use(call=arguments.from_buffer)
        yield Global(f"{core}.multiarray", "_frombuffer"), Use(call=arguments.from_buffer)
        yield Global(f"{core}._multiarray_umath", "_reconstruct"), Use(call=arguments.reconstruct)


_TABLE: Final[tuple[tuple[str, str, Use], ...]] = (
    # Python
    ("copyreg copy_reg", "_reconstructor", Use(call=arguments.reconstructor)),
    (
        "builtins __builtin__",
        "object int float complex bool str list dict tuple type",
        _MENTION,
    ),
    ("__builtin__", "unicode long", _MENTION),
    ("builtins __builtin__", "set frozenset", Use(call=arguments.one_listing)),
    ("builtins __builtin__", "slice range xrange complex", Use(call=arguments.numbers)),
    ("builtins __builtin__", "bytes bytearray", Use(call=arguments.raw)),
    ("_codecs", "encode", Use(call=arguments.latin)),
    ("collections", "OrderedDict", Use(make=True, call=arguments.listings, items=True)),
    ("collections", "Counter", Use(make=True, call=arguments.listings, items=True)),
    ("collections", "defaultdict", Use(call=arguments.default_factory, items=True)),
    ("collections", "deque", Use(call=arguments.deque, items=True)),
    ("datetime", "date datetime time timedelta timezone", Use(call=arguments.plain)),
    ("decimal", "Decimal", Use(call=arguments.plain)),
    ("fractions", "Fraction", Use(call=arguments.plain)),
    # NumPy
    ("numpy", "ndarray", _MENTION),
    ("numpy", "dtype", Use(call=arguments.dtype)),
    (
        "numpy",
        "bool bool_ int8 int16 int32 int64 intc intp uint8 uint16 uint32 uint64 uintc uintp "
        "float16 float32 float64 float128 longdouble longlong ulonglong complex64 complex128 "
        "object_ str_ bytes_ datetime64 timedelta64 generic number integer floating int_ float_ "
        "nan inf",
        _MENTION,
    ),
    (
        "numpy",
        "abs absolute cbrt ceil cos deg2rad exp exp2 expm1 fabs floor log log10 log1p log2 "
        "negative rad2deg reciprocal rint sign sin sqrt square tan tanh trunc mean median sum "
        "min max std var",
        _MENTION,
    ),
    ("numpy.matrixlib.defmatrix numpy", "matrix", _MENTION),
    ("numpy numpy.core.memmap numpy.memmap numpy._core.memmap", "memmap", _MENTION),
    ("numpy.ma.core numpy.ma", "_mareconstruct", Use(call=arguments.masked)),
    ("numpy.ma.core numpy.ma", "MaskedArray", _MENTION),
    ("numpy.random._pickle", "__randomstate_ctor __generator_ctor", Use(call=arguments.generator)),
    ("numpy.random._pickle", "__bit_generator_ctor", Use(call=arguments.bit_generator)),
    ("numpy.random._mt19937", "MT19937", _MENTION),
    ("numpy.random._pcg64", "PCG64 PCG64DXSM", _MENTION),
    ("numpy.random._philox", "Philox", _MENTION),
    ("numpy.random._sfc64", "SFC64", _MENTION),
    ("numpy.random.bit_generator numpy.random._bit_generator", "SeedSequence", _PLAIN),
    (
        "numpy.random.bit_generator numpy.random._bit_generator",
        "__pyx_unpickle_SeedSequence",
        Use(call=arguments.unpickle_fixed),
    ),
    ("joblib.numpy_pickle", "NumpyArrayWrapper", _MAKE),
    # SciPy, without its distributions
    (
        "scipy.sparse scipy.sparse._csr scipy.sparse.csr scipy.sparse._csc scipy.sparse.csc "
        "scipy.sparse._coo scipy.sparse.coo scipy.sparse._lil scipy.sparse.lil scipy.sparse._dok "
        "scipy.sparse._bsr scipy.sparse._dia scipy.sparse.dia",
        "csr_matrix csr_array csc_matrix csc_array coo_matrix coo_array lil_matrix lil_array "
        "dok_matrix dok_array bsr_matrix bsr_array dia_matrix dia_array",
        _MAKE,
    ),
    ("scipy.interpolate._interpolate scipy.interpolate.interpolate", "interp1d PPoly", _MAKE),
    ("scipy.interpolate._bsplines scipy.interpolate.bsplines", "BSpline", _MAKE),
    ("scipy.interpolate._fitpack2 scipy.interpolate.fitpack2", "UnivariateSpline", _MAKE),
    ("scipy.spatial._kdtree scipy.spatial.kdtree", "KDTree", _PLAIN),
    ("scipy.spatial._ckdtree scipy.spatial.ckdtree", "cKDTree", _PLAIN),
    # scikit-learn: its functions that models keep beside its classes
    (
        "sklearn.feature_selection._univariate_selection "
        "sklearn.feature_selection.univariate_selection sklearn.feature_selection._mutual_info "
        "sklearn.feature_selection.mutual_info_",
        "f_classif f_regression f_oneway chi2 r_regression mutual_info_classif "
        "mutual_info_regression",
        _MENTION,
    ),
    (
        "sklearn.metrics sklearn.metrics._scorer sklearn.metrics._classification "
        "sklearn.metrics._regression sklearn.metrics._ranking sklearn.metrics.cluster._supervised",
        "accuracy_score balanced_accuracy_score average_precision_score brier_score_loss f1_score "
        "log_loss precision_score recall_score roc_auc_score jaccard_score matthews_corrcoef "
        "cohen_kappa_score fbeta_score top_k_accuracy_score r2_score max_error "
        "mean_absolute_error mean_squared_error root_mean_squared_error mean_squared_log_error "
        "median_absolute_error mean_absolute_percentage_error explained_variance_score "
        "mean_poisson_deviance mean_gamma_deviance d2_absolute_error_score _passthrough_scorer "
        "adjusted_rand_score normalized_mutual_info_score v_measure_score rand_score",
        _MENTION,
    ),
    ("sklearn.cluster._kmeans", "_kmeans_single_lloyd _kmeans_single_elkan", _MENTION),
    ("scipy._lib.array_api_compat.numpy._aliases", "asarray", _MENTION),
    ("sklearn.metrics.pairwise", "rbf_kernel linear_kernel polynomial_kernel", _MENTION),
    (
        "sklearn.neighbors._kd_tree sklearn.neighbors._ball_tree sklearn.neighbors.kd_tree "
        "sklearn.neighbors.ball_tree sklearn.metrics._dist_metrics sklearn.neighbors._dist_metrics "
        "sklearn.neighbors.dist_metrics",
        "newObj",
        Use(call=arguments.bare_class),
    ),
    (
        "sklearn._loss._loss sklearn.linear_model._sgd_fast",
        "__pyx_unpickle_CyHalfMultinomialLoss __pyx_unpickle_CyHalfBinomialLoss "
        "__pyx_unpickle_Regression __pyx_unpickle_Classification",
        Use(call=arguments.unpickle_class),
    ),
    # pandas
    (
        "pandas.core.frame pandas.core.series pandas pandas.core.internals.managers",
        "DataFrame Series BlockManager SingleBlockManager Categorical CategoricalDtype",
        _PLAIN,
    ),
    ("pandas._libs.internals", "_unpickle_block", Use(call=arguments.plain)),
    ("pandas.core.indexes.base", "_new_Index", Use(call=arguments.new_index)),
    (
        "pandas pandas.core.indexes.base pandas.core.indexes.range pandas.core.indexes.category "
        "pandas.core.indexes.datetimes pandas.core.indexes.numeric pandas.core.indexes.multi",
        "Index RangeIndex CategoricalIndex Int64Index Float64Index UInt64Index MultiIndex",
        _MENTION,
    ),
    ("pandas.core.dtypes.dtypes", "CategoricalDtype DatetimeTZDtype", _PLAIN),
    ("pandas.core.arrays.categorical", "Categorical", _PLAIN),
    (
        "pandas.core.arrays.string_ pandas.core.arrays.numpy_ pandas.core.arrays.integer "
        "pandas.core.arrays.floating pandas.core.arrays.boolean",
        "StringDtype StringArray IntegerArray FloatingArray BooleanArray NumpyExtensionArray "
        "Int8Dtype Int16Dtype Int32Dtype Int64Dtype Float32Dtype Float64Dtype BooleanDtype",
        _PLAIN,
    ),
    (
        "pandas._libs.arrays",
        "__pyx_unpickle_NDArrayBacked",
        Use(call=arguments.unpickle_class),
    ),
    ("pandas._libs.tslibs.timestamps", "_unpickle_timestamp", Use(call=arguments.plain)),
    ("pandas._libs.missing", "_unpickle_na NA", Use(call=arguments.plain)),
    # Gradient boosting: the model is bytes or text in their own formats
    (
        "xgboost.sklearn",
        "XGBModel XGBClassifier XGBRegressor XGBRanker XGBRFClassifier XGBRFRegressor",
        _MAKE,
    ),
    ("xgboost.core", "Booster", _MAKE),
    ("lightgbm.sklearn", "LGBMModel LGBMClassifier LGBMRegressor LGBMRanker", _MAKE),
    ("lightgbm.basic", "Booster", _MAKE),
    # PyTorch
    ("torch._utils", "_rebuild_tensor _rebuild_tensor_v2", Use(call=arguments.tensor)),
    ("torch._utils", "_rebuild_parameter", Use(call=arguments.plain)),
    ("torch", "Size", Use(call=arguments.plain)),
    ("torch", "device", Use(call=arguments.plain)),
    (
        "torch",
        "float16 float32 float64 bfloat16 int8 int16 int32 int64 uint8 bool complex64 complex128 "
        "strided contiguous_format channels_last preserve_format",
        _MENTION,
    ),
    ("torch.serialization", "_get_layout", Use(call=arguments.plain)),
    (
        "torch torch.storage",
        "BFloat16Storage BoolStorage ByteStorage CharStorage ComplexDoubleStorage "
        "ComplexFloatStorage DoubleStorage FloatStorage HalfStorage IntStorage LongStorage "
        "ShortStorage TypedStorage UntypedStorage _TypedStorage _UntypedStorage",
        _MENTION,
    ),
)
